{{/* Name servers, wherever they are. */}}
{{- define "rigi.dns" -}}
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- end -}}

{{- define "rigi.except" -}}
{{- if .Values.networkPolicy.metadataServer }}[]{{ else }}{{ toJson .Values.networkPolicy.egress.except }}{{ end -}}
{{- end -}}

{{/* Peers by address: each network without what is excepted of its own family. */}}
{{- define "rigi.outside" -}}
{{- range $cidr := .cidrs }}
{{- $six := contains ":" $cidr }}
{{- $without := list }}
{{- if has $cidr (list "0.0.0.0/0" "::/0") }}
{{- range $.except }}{{ if eq $six (contains ":" .) }}{{ $without = append $without . }}{{ end }}{{ end }}
{{- end }}
- ipBlock:
    cidr: {{ $cidr | quote }}
    {{- with $without }}
    except: {{ toJson . }}
    {{- end }}
{{- end }}
{{- end -}}

{{/* Where server and backups go. */}}
{{- define "rigi.egress" -}}
{{- $policy := .Values.networkPolicy -}}
{{ include "rigi.dns" . }}
{{- if .Values.database.bundled.enabled }}
- ports: [{port: postgres, protocol: TCP}]
  to:
    - podSelector:
        matchLabels:
          {{- include "rigi.selector" . | nindent 10 }}
          app.kubernetes.io/component: postgres
{{- else if .Values.database.external.existingSecret }}
- ports: [{port: {{ $policy.database.port }}, protocol: TCP}]
  to:
    {{- include "rigi.outside" (dict "cidrs" $policy.database.cidrs "except" (include "rigi.except" . | fromYamlArray)) | nindent 4 }}
{{- end }}
- ports:
    {{- range concat $policy.egress.ports $policy.storagePorts }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
    {{- if $policy.metadataServer }}
    - {port: 80, protocol: TCP}
    {{- end }}
  to:
    {{- include "rigi.outside" (dict "cidrs" $policy.egress.cidrs "except" (include "rigi.except" . | fromYamlArray)) | nindent 4 }}
{{- end -}}
