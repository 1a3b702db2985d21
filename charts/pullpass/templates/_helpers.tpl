{{/*
Names and labels. The names do not follow the release: `pullpass` and the commands in the docs look for these, and the Lease
and the state have fixed names too, so one namespace holds one installation. A second release there is refused by Helm.
*/}}

{{- define "pullpass.fullname" -}}pullpass{{- end }}

{{- define "pullpass.serviceAccountName" -}}
{{- default "pullpass" .Values.serviceAccount.name -}}
{{- end }}

{{/* As in manifests/: a Deployment of one can be taken over by the other. */}}
{{- define "pullpass.selectorLabels" -}}
app.kubernetes.io/name: pullpass
app.kubernetes.io/component: controller
{{- end }}

{{- define "pullpass.labels" -}}
{{- include "pullpass.labelsOf" (dict "root" . "component" "controller") -}}
{{- end }}

{{/* root; component: what the object belongs to; extra: labels of the values. */}}
{{- define "pullpass.labelsOf" -}}
{{- $labels := dict
  "app.kubernetes.io/name" "pullpass"
  "app.kubernetes.io/component" .component
  "app.kubernetes.io/instance" .root.Release.Name
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_"))
-}}
{{- /* The first one wins: the selectors need ours. */ -}}
{{- toYaml (merge $labels (deepCopy (.extra | default dict)) (deepCopy .root.Values.commonLabels)) -}}
{{- end }}

{{/* root; wave: of Argo CD; extra: annotations of the object. The whole block, or nothing. */}}
{{- define "pullpass.annotations" -}}
{{- $annotations := merge dict (deepCopy (.extra | default dict)) (deepCopy .root.Values.commonAnnotations) -}}
{{- if and .wave .root.Values.argocd.syncWaves -}}
{{- $_ := set $annotations "argocd.argoproj.io/sync-wave" .wave -}}
{{- end -}}
{{- with $annotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end }}

{{/* root; name; clusterWide, namespace, component, wave, extraLabels, extraAnnotations: optional. */}}
{{- define "pullpass.metadata" -}}
name: {{ .name }}
{{- if not .clusterWide }}
namespace: {{ .namespace | default .root.Release.Namespace }}
{{- end }}
labels:
  {{- include "pullpass.labelsOf" (dict "root" .root "component" (.component | default "controller") "extra" .extraLabels) | nindent 2 }}
{{- with include "pullpass.annotations" (dict "root" .root "wave" .wave "extra" .extraAnnotations) }}
{{ . }}
{{- end }}
{{- end }}

{{- define "pullpass.image" -}}
{{- with .Values.image -}}
{{- if hasPrefix "registry.invalid/" .repository -}}
{{- fail "set image.repository to an image of Pullpass: none is published yet, and docs/helm.md says how to build one" -}}
{{- end -}}
{{- .repository -}}
{{- if or .tag (not .digest) }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- with .digest }}@{{ . }}{{ end -}}
{{- end -}}
{{- end }}

{{/* An object of files/, which are copies of manifests/: root; file; extraLabels, extraAnnotations. As a dict in YAML. */}}
{{- define "pullpass.fromFile" -}}
{{- $object := .root.Files.Get (printf "files/monitoring/%s" .file) | fromYaml -}}
{{- $metadata := include "pullpass.metadata" (dict
  "root" .root
  "name" $object.metadata.name
  "extraLabels" .extraLabels
  "extraAnnotations" .extraAnnotations
) | fromYaml -}}
{{- toYaml (set $object "metadata" $metadata) -}}
{{- end }}
