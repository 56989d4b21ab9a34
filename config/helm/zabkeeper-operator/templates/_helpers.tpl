{{/* Labels of every object, beside those that are its own. */}}
{{- define "zabkeeper.labels" -}}
app.kubernetes.io/part-of: zabkeeper
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "zabkeeper.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
