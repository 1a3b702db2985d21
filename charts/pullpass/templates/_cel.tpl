{{/*
Globs, selectors and guards in CEL, as src/admission/guard.ts writes them: a test compares the two. The schema of the values lets nothing into a
name, a glob or a label that would need quoting.
*/}}

{{/* A list of words: ['a', 'b'] */}}
{{- define "pullpass.celList" -}}
{{- $words := list -}}
{{- range . -}}{{- $words = append $words (printf "'%s'" .) -}}{{- end -}}
[{{ join ", " $words }}]
{{- end }}

{{/* patterns, none of which excludes; name: an expression. */}}
{{- define "pullpass.celAny" -}}
{{- if has "*" .patterns -}}
true
{{- else -}}
{{- $names := list -}}
{{- $globs := list -}}
{{- range .patterns -}}
  {{- if regexMatch "[*?]" . -}}
    {{- $globs = append $globs (. | replace "." "[.]" | replace "*" ".*" | replace "?" ".") -}}
  {{- else -}}
    {{- $names = append $names . -}}
  {{- end -}}
{{- end -}}
{{- $choices := list -}}
{{- if $names -}}{{- $choices = append $choices (printf "%s in %s" .name (include "pullpass.celList" $names)) -}}{{- end -}}
{{- if $globs -}}{{- $choices = append $choices (printf "%s.matches('^(?:%s)$')" .name (join "|" $globs)) -}}{{- end -}}
{{- if $choices -}}({{ join " || " $choices }}){{- else -}}false{{- end -}}
{{- end -}}
{{- end }}

{{/* patterns; name: an expression. */}}
{{- define "pullpass.celMatches" -}}
{{- $listed := list -}}
{{- $excluded := list -}}
{{- range .patterns -}}
  {{- if hasPrefix "!" . -}}
    {{- $excluded = append $excluded (trimPrefix "!" .) -}}
  {{- else -}}
    {{- $listed = append $listed . -}}
  {{- end -}}
{{- end -}}
{{- if $excluded -}}
{{- $taken := "true" -}}
{{- if $listed -}}{{- $taken = include "pullpass.celAny" (dict "patterns" $listed "name" .name) -}}{{- end -}}
({{ $taken }} && !{{ include "pullpass.celAny" (dict "patterns" $excluded "name" .name) }})
{{- else -}}
{{- include "pullpass.celAny" (dict "patterns" $listed "name" .name) -}}
{{- end -}}
{{- end }}

{{/* key, operator, values: one requirement of a selector. */}}
{{- define "pullpass.celRequires" -}}
{{- $label := printf "namespaceObject.metadata.?labels[?'%s']" .key -}}
{{- if eq .operator "In" -}}
{{ $label }}.optMap(value, value in {{ include "pullpass.celList" .values }}).orValue(false)
{{- else if eq .operator "NotIn" -}}
{{ $label }}.optMap(value, !(value in {{ include "pullpass.celList" .values }})).orValue(true)
{{- else if eq .operator "Exists" -}}
{{ $label }}.hasValue()
{{- else -}}
!{{ $label }}.hasValue()
{{- end -}}
{{- end }}

{{/* The requirements of a selector, each with " && " in front; nothing if there is none. */}}
{{- define "pullpass.celSelects" -}}
{{- if . -}}
{{- $labels := .matchLabels | default dict -}}
{{- range keys $labels | sortAlpha -}}
{{ printf " && %s" (include "pullpass.celRequires" (dict "key" . "operator" "In" "values" (list (get $labels .)))) }}
{{- end -}}
{{- range .matchExpressions -}}
{{ printf " && %s" (include "pullpass.celRequires" .) }}
{{- end -}}
{{- end -}}
{{- end }}
