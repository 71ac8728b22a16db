{{- define "otelcol.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "otelcol.labels" -}}
app.kubernetes.io/name: otelcol
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "otelcol.selector" -}}
app.kubernetes.io/name: otelcol
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "otelcol.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The exporter to the destination, as YAML. */}}
{{- define "otelcol.destination" -}}
{{- if eq .Values.destination "elasticsearch" }}
elasticsearch:
  endpoints: [ {{ required "elasticsearch.endpoint is needed with destination elasticsearch" .Values.elasticsearch.endpoint | quote }} ]
  api_key: ${env:ELASTICSEARCH_API_KEY}
  mapping: { mode: otel }
  sending_queue: { enabled: true, storage: file_storage }
{{- else if eq .Values.destination "otlp" }}
otlp_grpc:
  endpoint: {{ required "otlp.endpoint is needed with destination otlp" .Values.otlp.endpoint | quote }}
  tls: { insecure: {{ .Values.otlp.insecure }} }
  {{- if .Values.otlp.tokenSecret.name }}
  auth: { authenticator: bearertokenauth }
  {{- end }}
  sending_queue: { enabled: true, storage: file_storage }
{{- else if eq .Values.destination "store" }}
profilestore:
  directory: /var/lib/otelcol/profilestore
  retention: { max_age: 24h, max_size_mib: 1024 }
{{- else }}
{{- fail (printf "destination is %q; it must be elasticsearch, otlp or store" .Values.destination) }}
{{- end }}
{{- end }}

{{- define "otelcol.destinationName" -}}
{{ get (dict "elasticsearch" "elasticsearch" "otlp" "otlp_grpc" "store" "profilestore") .Values.destination }}
{{- end }}

{{/* What the destination's secrets are in the environment. */}}
{{- define "otelcol.secrets" -}}
{{- if eq .Values.destination "elasticsearch" }}
- name: ELASTICSEARCH_API_KEY
  valueFrom: { secretKeyRef: { name: {{ .Values.elasticsearch.apiKeySecret.name }}, key: {{ .Values.elasticsearch.apiKeySecret.key }} } }
{{- else if and (eq .Values.destination "otlp") .Values.otlp.tokenSecret.name }}
- name: OTLP_TOKEN
  valueFrom: { secretKeyRef: { name: {{ .Values.otlp.tokenSecret.name }}, key: {{ .Values.otlp.tokenSecret.key }} } }
{{- end }}
{{- end }}

{{- define "otelcol.probes" -}}
startupProbe:
  httpGet: { path: /, port: health }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /, port: health }
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /, port: health }
  periodSeconds: 10
  timeoutSeconds: 5
{{- end }}
