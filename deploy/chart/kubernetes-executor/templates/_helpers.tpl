{{/* The image of the controller and of its Jobs: by digest where there is one. */}}
{{- define "executor.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The labels of everything that belongs to the executor; the argument is the component. */}}
{{- define "executor.labels" -}}
app.kubernetes.io/component: {{ . }}
app.kubernetes.io/managed-by: enact
app.kubernetes.io/name: kubernetes-executor
{{- end -}}
