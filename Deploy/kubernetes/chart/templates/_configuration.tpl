{{/* What agents send to: the gateway where there is one. */}}
{{- define "otelcol.agent.exporters" -}}
{{- if .Values.gateway.enabled }}
otlp_grpc:
  endpoint: {{ include "otelcol.name" . }}-gateway.{{ .Release.Namespace }}.svc:4317
  tls: { insecure: true }
  sending_queue: { enabled: true, storage: file_storage }
{{- else }}
{{- include "otelcol.destination" . }}
{{- end }}
{{- end }}

{{- define "otelcol.agent.exporterName" -}}
{{ if .Values.gateway.enabled }}otlp_grpc{{ else }}{{ include "otelcol.destinationName" . }}{{ end }}
{{- end }}

{{- define "otelcol.agent.configuration" -}}
{{- $store := and (eq .Values.destination "store") (not .Values.gateway.enabled) }}
{{- $metrics := and .Values.agent.metrics (not $store) }}
{{- $profiles := or .Values.agent.profiles $store }}
{{- if not (or $metrics $profiles) }}{{ fail "agent.profiles and agent.metrics are both false: nothing would be sent" }}{{ end }}
receivers:
  profiling:
    samples_per_second: {{ .Values.agent.samplesPerSecond }}
    memory_budget_mib: {{ .Values.agent.memoryBudgetMiB }}
    # Where a node is a container itself (kind, k3d), hostPID reaches that container's pid namespace only.
    pid_namespace_translation_mode: auto
    {{- with .Values.agent.processes }}
    processes: {{ toYaml . | nindent 6 }}
      {{- if and (contains "\"pod_label\"" (toJson .)) (not .kubernetes) }}
      kubernetes: { node_from_env_var: K8S_NODE_NAME }
      {{- end }}
    {{- end }}
processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 85
  k8s_attributes:
    filter: { node_from_env_var: K8S_NODE_NAME }
    extract:
      metadata: [ k8s.namespace.name, k8s.pod.name, k8s.pod.uid, k8s.deployment.name, k8s.statefulset.name, k8s.daemonset.name,
        k8s.cronjob.name, k8s.job.name, k8s.container.name, container.image.name, container.image.tag ]
  resource:
    attributes:
      - { key: k8s.node.name, value: "${env:K8S_NODE_NAME}", action: upsert }
      - { key: host.name, value: "${env:K8S_NODE_NAME}", action: insert }
exporters:
  {{- include "otelcol.agent.exporters" . | nindent 2 }}
{{- if $metrics }}
connectors:
  profilingmetrics:
{{- end }}
extensions:
  health_check: { endpoint: "0.0.0.0:13133" }
  {{- if $store }}
  profileviewer: { endpoint: "0.0.0.0:7373" }
  {{- else }}
  file_storage: { directory: /var/lib/otelcol/queue, create_directory: true }
  {{- if and (not .Values.gateway.enabled) (eq .Values.destination "otlp") .Values.otlp.tokenSecret.name }}
  bearertokenauth: { token: "${env:OTLP_TOKEN}" }
  {{- end }}
  {{- end }}
service:
  extensions: [ health_check, {{ if $store }}profileviewer{{ else }}file_storage{{ if and (not .Values.gateway.enabled) (eq .Values.destination "otlp") .Values.otlp.tokenSecret.name }}, bearertokenauth{{ end }}{{ end }} ]
  telemetry:
    metrics:
      readers: [ { pull: { exporter: { prometheus: { host: 0.0.0.0, port: 8888 } } } } ]
  pipelines:
    profiles:
      receivers: [ profiling ]
      processors: [ memory_limiter, k8s_attributes, resource ]
      exporters: [ {{ if $profiles }}{{ include "otelcol.agent.exporterName" . }}{{ if $metrics }}, {{ end }}{{ end }}{{ if $metrics }}profilingmetrics{{ end }} ]
    {{- if $metrics }}
    metrics:
      receivers: [ profilingmetrics ]
      exporters: [ {{ include "otelcol.agent.exporterName" . }} ]
    {{- end }}
{{- end }}

{{- define "otelcol.gateway.configuration" -}}
{{- if eq .Values.destination "store" }}{{ fail "a gateway needs destination elasticsearch or otlp: the store is for one machine" }}{{ end }}
receivers:
  otlp:
    protocols:
      # Agents connect again now and then, so that all gateways have their share of them.
      grpc: { endpoint: "0.0.0.0:4317", keepalive: { server_parameters: { max_connection_age: 5m, max_connection_age_grace: 30s } } }
      http: { endpoint: "0.0.0.0:4318" }
processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 80
    spike_limit_percentage: 20
exporters:
  {{- include "otelcol.destination" . | nindent 2 }}
extensions:
  health_check: { endpoint: "0.0.0.0:13133" }
  file_storage: { directory: /var/lib/otelcol/queue, create_directory: true }
  {{- if and (eq .Values.destination "otlp") .Values.otlp.tokenSecret.name }}
  bearertokenauth: { token: "${env:OTLP_TOKEN}" }
  {{- end }}
service:
  extensions: [ health_check, file_storage{{ if and (eq .Values.destination "otlp") .Values.otlp.tokenSecret.name }}, bearertokenauth{{ end }} ]
  telemetry:
    metrics:
      readers: [ { pull: { exporter: { prometheus: { host: 0.0.0.0, port: 8888 } } } } ]
  pipelines:
    {{- range list "profiles" "metrics" "traces" "logs" }}
    {{ . }}: { receivers: [ otlp ], processors: [ memory_limiter ], exporters: [ {{ include "otelcol.destinationName" $ }} ] }
    {{- end }}
{{- end }}
