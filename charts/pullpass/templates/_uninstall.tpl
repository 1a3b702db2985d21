{{/* in: a part of the configuration; found: a dict that gets the namespace of each object that is named there as a key. */}}
{{- define "pullpass.collectNamespaces" -}}
{{- if kindIs "slice" .in -}}
{{- range .in -}}{{- include "pullpass.collectNamespaces" (dict "in" . "found" $.found) -}}{{- end -}}
{{- else if kindIs "map" .in -}}
{{- if and .in.name (kindIs "string" .in.namespace) -}}{{- $_ := set .found .in.namespace true -}}{{- end -}}
{{- range $_, $part := .in -}}{{- include "pullpass.collectNamespaces" (dict "in" $part "found" $.found) -}}{{- end -}}
{{- end -}}
{{- end }}

{{/* metadata: what "pullpass.metadata" takes; kind and name of the role; subjects. */}}
{{- define "pullpass.uninstallBinding" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  {{- include "pullpass.metadata" .metadata | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .role }}
subjects:
  {{- toYaml .subjects | nindent 2 }}
{{- end }}
