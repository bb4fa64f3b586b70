{{- define "rigi.testPod" -}}
restartPolicy: Never
activeDeadlineSeconds: 300
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "rigi.podSecurity" . | nindent 2 }}
{{- include "rigi.pullSecrets" . }}
containers:
  - name: door
    image: {{ include "rigi.image" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    command: [bash, -euc]
    args:
      - |
        # ask PATH TEXT: the answer is 200, and TEXT is in it. There is no client of HTTP in the image but bash.
        ask() {
          exec 3<>/dev/tcp/"$SERVER"/"$PORT"
          printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&3
          said=$(cat <&3)
          exec 3>&-
          case $said in "HTTP/1."?" 200"*"$2"*) echo "ok: $1" ;; *) echo "$1 answers: $said"; exit 1 ;; esac
        }
        ask /livez ok
        ask /readyz '"ready":true'
        ask / '<html'
    env:
      - {name: SERVER, value: {{ include "rigi.fullname" . }}}
      - {name: PORT, value: {{ .Values.service.port | quote }}}
    securityContext:
      {{- include "rigi.containerSecurity" . | nindent 6 }}
    resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 128Mi}}
  {{- if and .Values.tests.token.existingSecret .Values.tests.pipeline }}
  - name: run
    image: {{ include "rigi.image" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args: [run, {{ .Values.tests.pipeline }}, --follow]
    env:
      - {name: RIGI_URL, value: {{ printf "%s://%s:%v" (ternary "https" "http" (ne .Values.tls.existingSecret "")) (include "rigi.fullname" .) .Values.service.port | quote }}}
      - {name: RIGI_TOKEN, valueFrom: {secretKeyRef: {name: {{ .Values.tests.token.existingSecret }}, key: {{ .Values.tests.token.key }}}}}
      - {name: HOME, value: /tmp}
    securityContext:
      {{- include "rigi.containerSecurity" . | nindent 6 }}
    resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 128Mi}}
    volumeMounts: [{name: tmp, mountPath: /tmp}]
  {{- end }}
volumes: [{name: tmp, emptyDir: {}}]
{{- end }}
