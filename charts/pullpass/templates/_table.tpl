{{/*
The tables in files/ say where a name stands in the configuration. These look it up, as src/plan/references.ts does. An answer
that can be missing is JSON: {"v": ...} or {}.
*/}}

{{/* ref: a reference; row: the items that are at hand, by the name of their list. */}}
{{- define "pullpass.value" -}}
{{- $value := get .row .ref.list -}}
{{- $held := false -}}
{{- $found := true -}}
{{- range .ref.keys -}}
  {{- $held = and $found (kindIs "map" $value) -}}
  {{- $found = and $held (hasKey $value .) -}}
  {{- if $found -}}{{- $value = index $value . -}}{{- end -}}
{{- end -}}
{{- if and $found (not (kindIs "invalid" $value)) -}}
  {{- dict "v" $value | toJson -}}
{{- else if and $held (hasKey .ref "default") -}}
  {{- dict "v" .ref.default | toJson -}}
{{- else -}}
  {{- dict | toJson -}}
{{- end -}}
{{- end }}

{{/* lists: to go through, outer ones first; subject: a configuration; out: a dict that gets "rows". */}}
{{- define "pullpass.rows" -}}
{{- $rows := list (dict "" .subject) -}}
{{- range $list := .lists -}}
  {{- $inner := list -}}
  {{- range $row := $rows -}}
    {{- range $item := (include "pullpass.value" (dict "ref" $list "row" $row) | fromJson).v -}}
      {{- $next := dict $list.name $item -}}
      {{- range $name, $at := $row }}{{ $_ := set $next $name $at }}{{ end -}}
      {{- $inner = append $inner $next -}}
    {{- end -}}
  {{- end -}}
  {{- $rows = $inner -}}
{{- end -}}
{{- $_ := set .out "rows" $rows -}}
{{- end }}

{{/* when: conditions; row. "true" if all of them hold. */}}
{{- define "pullpass.holds" -}}
{{- $row := .row -}}
{{- $all := true -}}
{{- range .when -}}
  {{- $value := include "pullpass.value" (dict "ref" . "row" $row) | fromJson -}}
  {{- if hasKey . "in" -}}
    {{- $all = and $all (hasKey $value "v") (has $value.v .in) -}}
  {{- else -}}
    {{- $set := and (hasKey $value "v") (not (and (kindIs "bool" $value.v) (not $value.v))) -}}
    {{- $all = and $all (ne $set (hasKey . "not")) -}}
  {{- end -}}
{{- end -}}
{{- $all -}}
{{- end }}

{{/* text: a word, or a reference with what is made of it; row. */}}
{{- define "pullpass.text" -}}
{{- $value := dict "v" .text.is -}}
{{- if not (hasKey .text "is") -}}
  {{- $value = include "pullpass.value" (dict "ref" .text "row" .row) | fromJson -}}
{{- end -}}
{{- if and (hasKey $value "v") (not (kindIs "string" $value.v)) -}}
  {{- $value = dict -}}
{{- else if and (hasKey .text "as") (hasKey $value "v") -}}
  {{- $value = ternary (dict "v" (get .text.as $value.v)) dict (hasKey .text.as $value.v) -}}
{{- else if and (hasKey .text "groupOf") (hasKey $value "v") -}}
  {{- $value = dict "v" (ternary (splitList "/" $value.v | first) "" (contains "/" $value.v)) -}}
{{- end -}}
{{- $value | toJson -}}
{{- end }}
