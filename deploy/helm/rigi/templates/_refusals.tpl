{{/* What cannot work is refused before anything is applied, each with its reason. Called once, by the server's Deployment. */}}
{{- define "rigi.refusals" -}}
{{- include "rigi.removed" . -}}
{{- $several := include "rigi.several" . -}}
{{- $postgres := include "rigi.postgres" . -}}
{{- $url := include "rigi.publicUrl" . -}}
{{- $storage := dig "storage" "url" "" .Values.config -}}
{{- if or (eq .Values.image.tag "latest") (hasSuffix ":latest" .Values.runs.image) (hasSuffix ":latest" .Values.database.bundled.image) -}}
  {{- fail "image: the tag `latest` says nothing about what runs, and changes below a running release. Name a version, or `image.digest`." -}}
{{- end -}}
{{- if and .Values.database.external.existingSecret .Values.database.bundled.enabled -}}
  {{- fail "database: `external.existingSecret` and `bundled.enabled` name two databases. Keep one." -}}
{{- end -}}
{{- if and .Values.database.bundled.enabled (not .Values.database.bundled.existingSecret) -}}
  {{- fail (printf "database.bundled: its password must be there, as a rendered one would differ each time. Make a secret:\n  P=$(openssl rand -hex 24); kubectl -n %s create secret generic rigi-postgres --from-literal=password=$P --from-literal=url=postgres://rigi:$P@%s-postgres:5432/rigi\nand say `database.bundled.existingSecret: rigi-postgres`." .Release.Namespace (include "rigi.fullname" .)) -}}
{{- end -}}
{{- if $several -}}
  {{- if not $postgres -}}
    {{- fail "replicas: SQLite has one server. Several take PostgreSQL: `database.external.existingSecret` or `database.bundled.enabled`." -}}
  {{- end -}}
  {{- if not .Values.keys.existingSecret -}}
    {{- fail (printf "replicas: several servers seal with one key, and a key on a volume is one server's. Make it:\n  kubectl -n %s create secret generic rigi-key --from-literal=secret.key=$(openssl rand -hex 32)\nand say `keys.existingSecret: rigi-key`." .Release.Namespace) -}}
  {{- end -}}
  {{- if and .Values.persistence.enabled (not (has "ReadWriteMany" .Values.persistence.accessModes)) -}}
    {{- fail "replicas: all servers must reach the files. Name a bucket (`config.storage.url: s3://…`) and say `persistence.enabled: false`, or have a volume of ReadWriteMany." -}}
  {{- end -}}
  {{- if and (not .Values.persistence.enabled) (not (regexMatch "^(s3|gs)://" $storage)) -}}
    {{- fail "replicas: all servers must reach the files. Name a bucket (`config.storage.url: s3://…`), or have a volume of ReadWriteMany." -}}
  {{- end -}}
  {{- if .Values.backup.enabled -}}
    {{- fail "backup: a backup reads the data folder of the one server, and several have none in common. Back PostgreSQL and the bucket up by their own means." -}}
  {{- end -}}
{{- else -}}
  {{- if and (not .Values.persistence.enabled) (not .Values.persistence.ephemeral) -}}
    {{- fail "persistence: without a volume, what the data folder holds (runs' logs that are not kept yet, the key, SQLite) is lost with the pod. Say `persistence.ephemeral: true` if that is meant." -}}
  {{- end -}}
  {{- if and .Values.backup.enabled (not .Values.persistence.enabled) -}}
    {{- fail "backup: there is no volume to back up (`persistence.enabled`)." -}}
  {{- end -}}
  {{- if and .Values.backup.enabled (has "ReadWriteOncePod" .Values.persistence.accessModes) -}}
    {{- fail "backup: it reads the volume beside the server, and ReadWriteOncePod lets one pod have it. Use ReadWriteOnce." -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.pipelines.inline .Values.pipelines.existingClaim -}}
  {{- fail "pipelines: `inline` and `existingClaim` name two folders. Keep one." -}}
{{- end -}}
{{- range $door := list "ingress" "httpRoute" "route" -}}
  {{- if (get $.Values $door).enabled -}}
    {{- if not $.Values.url -}}
      {{- fail (printf "%s: say by which address people come: `url: https://rigi.example.org`." $door) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
  {{- fail "httpRoute: `parentRefs` says which Gateway it belongs to." -}}
{{- end -}}
{{- if and .Values.route.enabled .Values.tls.existingSecret (eq .Values.route.termination "edge") -}}
  {{- fail "route: the server has TLS of its own (`tls.existingSecret`), and `edge` speaks none to it. Say `route.termination: reencrypt`." -}}
{{- end -}}
{{- if not (regexMatch "^https?://[^/]+/?$" $url) -}}
  {{- fail (printf "url: is %q and must be a scheme and a host, without a path: https://rigi.example.org" $url) -}}
{{- end -}}
{{- range $owned, $instead := include "rigi.owned" . | fromYaml -}}
  {{- $path := splitList "." $owned -}}
  {{- if hasKey (get $.Values.config (first $path) | default dict) (last $path) -}}
    {{- fail (printf "config.%s: the chart sets it. %s" $owned $instead) -}}
  {{- end -}}
{{- end -}}
{{- range $path, $from := .Values.secretFiles -}}
  {{- if has $path (list "secrets.key" "database.url") -}}
    {{- fail (printf "secretFiles: %q has a place of its own: %s" $path (get (dict "secrets.key" "keys.existingSecret" "database.url" "database.external.existingSecret") $path)) -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* Keys of the configuration that pods, services and policies depend on. */}}
{{- define "rigi.owned" -}}
server.bind: "Pods listen on all addresses; `networkPolicy.clients` says who comes."
server.port: "`service.port` is what others see."
server.public_url: "Say `url`."
server.trusted_proxies: "Say `trustedProxies`."
server.seat: "It follows from `replicas`."
server.peer: "It is the address of each pod."
data.folder: "It lies on the volume."
database.url: "Say `database.external.existingSecret`: an address with a password does not belong into a ConfigMap."
secrets.key: "Say `keys.existingSecret`."
runners.bind: "`service.runners.port` is what pods see."
metrics.listen: "It is port 9464 of the pods."
tls.certificate: "Say `tls.existingSecret`."
tls.key: "Say `tls.existingSecret`."
{{- end -}}

{{/* Names that other charts or earlier versions have for something: each is refused with the one that it has here. */}}
{{- define "rigi.removed" -}}
{{- $names := dict
  "replicaCount" "replicas"
  "postgresql" "database.bundled, or database.external"
  "externalDatabase" "database.external"
  "hpa" "autoscaling"
  "pdb" "podDisruptionBudget"
  "env" "config for settings of Rigi, extraEnv for all else"
  "secrets" "secretFiles, keys.existingSecret, database.external.existingSecret"
  "storage" "persistence for the volume, config.storage for a bucket"
  "securityContext" "nothing: pods hold what level `restricted` asks for"
  "podSecurityContext" "nothing: pods hold what level `restricted` asks for"
  "gateway" "httpRoute" -}}
{{- range $name := keys $names | sortAlpha -}}
  {{- if hasKey $.Values $name -}}
    {{- fail (printf "%s: there is no such value; it is %s" $name (get $names $name)) -}}
  {{- end -}}
{{- end -}}
{{- end -}}
