{{- define "rigi.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "rigi.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "rigi.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "rigi.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects; it never changes. */}}
{{- define "rigi.selector" -}}
app.kubernetes.io/name: {{ include "rigi.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "rigi.labels" -}}
{{ include "rigi.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of one object: (dict "top" $ "name" NAME "component" COMPONENT "annotations" {} "namespace" "") */}}
{{- define "rigi.metadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- include "rigi.labels" .top | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "rigi.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "rigi.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "rigi.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{- define "rigi.runsNamespace" -}}
{{- .Values.runs.namespace | default .Release.Namespace -}}
{{- end -}}

{{/* Said only of what lies in another namespace: the release's is said by whoever applies. */}}
{{- define "rigi.otherNamespace" -}}
{{- if and .Values.runs.namespace (ne .Values.runs.namespace .Release.Namespace) }}{{ .Values.runs.namespace }}{{ end -}}
{{- end -}}

{{/* "true" where several servers are meant. */}}
{{- define "rigi.several" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) }}true{{ end -}}
{{- end -}}

{{- define "rigi.postgres" -}}
{{- if or .Values.database.external.existingSecret .Values.database.bundled.enabled }}true{{ end -}}
{{- end -}}

{{- define "rigi.openshift" -}}
{{- $said := .Values.openshift | toString -}}
{{- if eq $said "true" }}true{{ else if and (eq $said "auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1") }}true{{ end -}}
{{- end -}}

{{- define "rigi.publicUrl" -}}
{{- .Values.url | default "http://localhost:7444" | trimSuffix "/" -}}
{{- end -}}

{{- define "rigi.host" -}}
{{- (urlParse (include "rigi.publicUrl" .)).hostname -}}
{{- end -}}

{{- define "rigi.claim" -}}
{{- .Values.persistence.existingClaim | default (printf "%s-data" (include "rigi.fullname" .)) -}}
{{- end -}}

{{- define "rigi.backupClaim" -}}
{{- .Values.backup.existingClaim | default (printf "%s-backups" (include "rigi.fullname" .)) -}}
{{- end -}}
