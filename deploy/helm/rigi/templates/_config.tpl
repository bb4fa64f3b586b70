{{/* One value in TOML. Whole numbers come as floats from values files. */}}
{{- define "rigi.tomlValue" -}}
{{- if kindIs "bool" . }}{{ . }}
{{- else if or (kindIs "int" .) (kindIs "int64" .) }}{{ . }}
{{- else if kindIs "float64" . }}{{ if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- else if kindIs "slice" . }}[{{ range $i, $one := . }}{{ if $i }}, {{ end }}{{ toString $one | toJson }}{{ end }}]
{{- else }}{{ toString . | toJson }}
{{- end }}
{{- end -}}

{{/* What the chart says of the configuration. */}}
{{- define "rigi.ownConfig" -}}
server:
  bind: "0.0.0.0"
  port: 7444
  public_url: {{ include "rigi.publicUrl" . | quote }}
  # Pods call it by its service.
  names: [{{ include "rigi.fullname" . }}]
  {{- if include "rigi.several" . }}
  seat: auto
  # A service, an ingress and a load balancer take some seconds to see that a pod ends. A server that is alone would only be away for longer.
  drain: 15s
  {{- end }}
  {{- if hasPrefix "https://" (include "rigi.publicUrl" .) }}
  trusted_proxies: {{ toJson .Values.trustedProxies }}
  {{- else }}
  plain_http: true
  {{- end }}
people:
  enabled: true
metrics:
  listen: "0.0.0.0:9464"
{{- if .Values.tls.existingSecret }}
tls:
  certificate: /etc/rigi-tls/tls.crt
  key: /etc/rigi-tls/tls.key
{{- end }}
{{- if and (include "rigi.several" .) .Values.persistence.enabled }}
data:
  projects: /var/lib/rigi/shared/projects
storage:
  url: /var/lib/rigi/shared/objects
{{- end }}
{{- if .Values.runs.enabled }}
runners:
  bind: "0.0.0.0:7445"
  url: "http://{{ include "rigi.fullname" . }}-runners{{ with include "rigi.otherNamespace" . }}.{{ $.Release.Namespace }}.svc{{ end }}:{{ .Values.service.runners.port }}"
targets:
  default: kubernetes
  kubernetes:
    kind: kubernetes
    {{- with include "rigi.otherNamespace" . }}
    namespace: {{ . }}
    {{- end }}
    image: {{ .Values.runs.image | default (include "rigi.image" .) | quote }}
    {{- with .Values.imagePullSecrets }}
    image_pull_secrets: {{ toJson . }}
    {{- end }}
    {{- with .Values.runs.queue }}
    queue: {{ . }}
    {{- end }}
    {{- with .Values.runs.serviceAccount }}
    service_account: {{ . }}
    {{- end }}
{{- end }}
{{- end -}}

{{/* rigi.toml: the operator's words count before the chart's. */}}
{{- define "rigi.toml" -}}
{{- $all := mergeOverwrite (include "rigi.ownConfig" . | fromYaml) (deepCopy .Values.config) -}}
# Made by the chart from `config` and what follows from other values.
{{- range $section := keys $all | sortAlpha }}
{{- $keys := get $all $section }}
{{- $plain := list }}{{ $tables := list }}
{{- range $key := keys $keys | sortAlpha }}
{{- if kindIs "map" (get $keys $key) }}{{ $tables = append $tables $key }}{{ else }}{{ $plain = append $plain $key }}{{ end }}
{{- end }}
{{- if $plain }}

[{{ $section }}]
{{- range $key := $plain }}
{{ $key }} = {{ include "rigi.tomlValue" (get $keys $key) }}
{{- end }}
{{- end }}
{{- range $name := $tables }}

[{{ $section }}.{{ toJson $name }}]
{{- $table := get $keys $name }}
{{- range $key := keys $table | sortAlpha }}
{{ $key }} = {{ include "rigi.tomlValue" (get $table $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The variable of a key: mail.password → RIGI_MAIL__PASSWORD_FILE */}}
{{- define "rigi.variable" -}}
RIGI_{{ . | replace "." "__" | replace "-" "_" | upper }}_FILE
{{- end -}}

{{/* Every value from a secret, as {key path: {existingSecret, key}}. */}}
{{- define "rigi.secretFiles" -}}
{{- $all := deepCopy .Values.secretFiles }}
{{- with .Values.keys.existingSecret }}{{ $_ := set $all "secrets.key" (dict "existingSecret" . "key" $.Values.keys.key) }}{{ end }}
{{- if .Values.database.bundled.enabled }}
{{- $_ := set $all "database.url" (dict "existingSecret" .Values.database.bundled.existingSecret "key" "url") }}
{{- else if .Values.database.external.existingSecret }}
{{- $_ := set $all "database.url" (dict "existingSecret" .Values.database.external.existingSecret "key" .Values.database.external.key) }}
{{- end }}
{{- toYaml $all }}
{{- end -}}
