{{/* What the pods of the controller and of the Jobs have in common. */}}

{{- define "pullpass.podSettings" -}}
automountServiceAccountToken: false # mounted below
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- if .Values.hostNetwork }}
hostNetwork: true
{{- end }}
{{- with .Values.dnsPolicy | default (ternary "ClusterFirstWithHostNet" "" .Values.hostNetwork) }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "pullpass.containerSettings" -}}
image: {{ include "pullpass.image" . }}
{{- with .Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- with .Values.egressProxy.existingSecret }}
envFrom:
  - secretRef:
      name: {{ . }}
{{- end }}
env:
  # Where the Lease lives, and who holds it.
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  - name: LOG_LEVEL
    value: {{ .Values.logLevel }}
  # What the program never does, the process may not do: start programs or threads, load native code, write files
  # (but the one that keeps memory out of core dumps), or open a debugger. And it collects its garbage early, in MB: docs/scale.md.
  - name: NODE_OPTIONS
    value: >-
      --permission --allow-fs-read=* --allow-fs-write=/proc/self/coredump_filter --disable-sigusr1
      --max-semi-space-size=8 --max-old-space-size=320
  # One heap for all threads of the C library: each of its own would keep what the others could use.
  - name: MALLOC_ARENA_MAX
    value: '1'
  {{- with .Values.namespaces }}
  # The only ones, for every command: docs/namespaces.md.
  - name: PULLPASS_NAMESPACES
    value: {{ join "," . }}
  {{- end }}
  {{- if .Values.extraCaCertificates.configMap }}
  - name: NODE_EXTRA_CA_CERTS
    value: /etc/pullpass-ca/ca.crt
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  # The directory, not the file by subPath: a subPath mount never sees a changed ConfigMap.
  - name: config
    mountPath: /etc/pullpass
    readOnly: true
  - name: token
    mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    readOnly: true
  {{- if .Values.extraCaCertificates.configMap }}
  - name: ca
    mountPath: /etc/pullpass-ca
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "pullpass.volumes" -}}
- name: config
  configMap:
    name: pullpass-config
{{ include "pullpass.tokenVolume" . }}
{{- with .Values.extraCaCertificates }}
{{- if .configMap }}
- name: ca
  configMap:
    name: {{ .configMap }}
    items:
      - key: {{ .key }}
        path: ca.crt
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "pullpass.tokenVolume" -}}
# As Kubernetes would mount it by itself, but for its life: with 3607 seconds, which stands for the default, the API server
# gives out a token that lives for a year.
- name: token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}
