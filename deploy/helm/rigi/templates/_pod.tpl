{{/* What level `restricted` of Pod Security asks for, without numbers: the image has its own, platforms choose theirs. */}}
{{- define "rigi.podSecurity" -}}
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* The same, where a volume is mounted whose files belong to root: the group of the image's account gets it. */}}
{{- define "rigi.podSecurityWithVolume" -}}
{{ include "rigi.podSecurity" . }}
{{- if not (include "rigi.openshift" .) }}
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
{{- end }}
{{- end -}}

{{- define "rigi.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "rigi.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "rigi.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* One list of variables for everything that reads the configuration: server, backup, drill. */}}
{{- define "rigi.env" -}}
- {name: RIGI_CONFIG, value: /etc/rigi/rigi.toml}
- {name: RIGI_DATA, value: /var/lib/rigi/data}
- {name: HOME, value: /tmp}
{{- range $path, $from := include "rigi.secretFiles" . | fromYaml }}
- {name: {{ include "rigi.variable" $path }}, value: {{ printf "/run/secrets/rigi/%s/%s" $path $from.key }}}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The mounts that these variables name, a volume a secret. */}}
{{- define "rigi.mounts" -}}
- {name: config, mountPath: /etc/rigi, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- range $path, $from := include "rigi.secretFiles" . | fromYaml }}
- {name: {{ include "rigi.volumeOf" $path }}, mountPath: {{ printf "/run/secrets/rigi/%s" $path }}, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "rigi.volumes" -}}
- name: config
  configMap: {name: {{ include "rigi.fullname" . }}}
- name: tmp
  emptyDir: {}
{{- range $path, $from := include "rigi.secretFiles" . | fromYaml }}
- name: {{ include "rigi.volumeOf" $path }}
  secret:
    secretName: {{ $from.existingSecret }}
    items: [{key: {{ $from.key }}, path: {{ $from.key }}}]
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "rigi.volumeOf" -}}
secret-{{ . | replace "." "-" | replace "_" "-" | lower | trunc 50 | trimSuffix "-" }}
{{- end -}}
