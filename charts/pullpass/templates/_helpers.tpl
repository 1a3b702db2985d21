{{- define "pullpass.serviceAccountName" -}}
{{- default "pullpass" .Values.serviceAccount.name -}}
{{- end }}

{{- define "pullpass.selectorLabels" -}}
app.kubernetes.io/name: pullpass
app.kubernetes.io/component: controller
{{- end }}

{{/* root; name; clusterWide, namespace, component, wave: optional. */}}
{{- define "pullpass.metadata" -}}
name: {{ .name }}
{{- if not .clusterWide }}
namespace: {{ .namespace | default .root.Release.Namespace }}
{{- end }}
labels:
  app.kubernetes.io/name: pullpass
  app.kubernetes.io/component: {{ .component | default "controller" }}
{{- end }}
