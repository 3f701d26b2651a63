{{/*
How processes reach the parts: addresses from global.external where a part is brought, else the release's own Services.
Each takes a dict: root, and for logins user.
*/}}

{{- define "racktwin.kafka.bootstrap" -}}
{{- .root.Values.global.external.kafka.bootstrap | default (printf "%s.%s.svc:9093" (include "racktwin.fullname" (dict "root" .root "name" "kafka")) .root.Release.Namespace) -}}
{{- end -}}

{{/* Secret with username and password of one of our users at Kafka */}}
{{- define "racktwin.kafka.secret" -}}
{{- $external := .root.Values.global.external.kafka -}}
{{- if $external.bootstrap -}}{{ $external.secret }}{{- else -}}{{ .root.Release.Name }}-kafka-{{ .user }}{{- end -}}
{{- end -}}

{{- define "racktwin.kafka.protocol" -}}
{{- $external := .root.Values.global.external.kafka -}}
{{- if $external.bootstrap -}}{{ $external.securityProtocol }}{{- else -}}SASL_SSL{{- end -}}
{{- end -}}

{{- define "racktwin.kafka.mechanism" -}}
{{- $external := .root.Values.global.external.kafka -}}
{{- if $external.bootstrap -}}{{ $external.saslMechanism }}{{- else -}}SCRAM-SHA-512{{- end -}}
{{- end -}}

{{- define "racktwin.env.kafka" -}}
- {name: RACKTWIN_KAFKA_BOOTSTRAP, value: {{ include "racktwin.kafka.bootstrap" . | quote }}}
- {name: RACKTWIN_KAFKA_SECURITY_PROTOCOL, value: {{ include "racktwin.kafka.protocol" . }}}
{{- if hasSuffix "SSL" (include "racktwin.kafka.protocol" .) }}
- {name: RACKTWIN_KAFKA_CA_FILE, value: /etc/racktwin/trust/bundle.crt}
{{- end }}
{{- with (include "racktwin.kafka.secret" .) }}
- {name: RACKTWIN_KAFKA_SASL_MECHANISM, value: {{ include "racktwin.kafka.mechanism" $ }}}
{{ include "racktwin.env.login" (dict "secret" . "prefix" "RACKTWIN_KAFKA" "user" "USERNAME") }}
{{- end }}
{{- end -}}

{{/* Two variables from a Secret: secret, prefix, user (USER or USERNAME) */}}
{{- define "racktwin.env.login" -}}
- name: {{ .prefix }}_{{ .user | default "USER" }}
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: username}}
- name: {{ .prefix }}_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: password}}
{{- end -}}

{{- define "racktwin.ditto.url" -}}
{{- .root.Values.global.external.ditto.url | default (printf "https://%s.%s.svc:8443" (include "racktwin.fullname" (dict "root" .root "name" "ditto")) .root.Release.Namespace) -}}
{{- end -}}

{{/* user: operator or viewer */}}
{{- define "racktwin.env.ditto" -}}
- {name: RACKTWIN_DITTO_URL, value: {{ include "racktwin.ditto.url" . | quote }}}
{{- $external := .root.Values.global.external.ditto }}
{{- $secret := printf "%s-ditto-%s" .root.Release.Name .user }}
{{- if $external.url }}{{ $secret = get $external (printf "%sSecret" .user) }}{{ end }}
{{- if $secret }}
{{ include "racktwin.env.login" (dict "secret" $secret "prefix" "RACKTWIN_DITTO") }}
{{- else }}
- {name: RACKTWIN_DITTO_SUBJECT, value: "nginx:{{ .user }}"}
{{- end }}
{{- end -}}

{{/* The user of the connections API */}}
{{- define "racktwin.env.dittoDevops" -}}
{{- $external := .root.Values.global.external.ditto }}
{{- $secret := printf "%s-ditto-devops" .root.Release.Name }}
{{- if $external.url }}{{ $secret = $external.devopsSecret }}{{ end }}
{{- with $secret }}
{{- include "racktwin.env.login" (dict "secret" . "prefix" "RACKTWIN_DITTO_DEVOPS") }}
{{- end }}
{{- end -}}

{{- define "racktwin.influx.url" -}}
{{- .root.Values.global.external.influxdb.url | default (printf "https://%s.%s.svc:8086" (include "racktwin.fullname" (dict "root" .root "name" "influxdb")) .root.Release.Namespace) -}}
{{- end -}}

{{/* token: writer (reads, writes, makes buckets and tasks) or reader */}}
{{- define "racktwin.env.influx" -}}
{{- $external := .root.Values.global.external.influxdb }}
- {name: RACKTWIN_INFLUX_URL, value: {{ include "racktwin.influx.url" . | quote }}}
- {name: RACKTWIN_INFLUX_ORG, value: {{ $external.org }}}
- name: RACKTWIN_INFLUX_TOKEN
  valueFrom: {secretKeyRef: {name: {{ if $external.url }}{{ $external.secret }}{{ else }}{{ .root.Release.Name }}-influxdb-{{ .token }}{{ end }}, key: token}}
{{- end -}}

{{- define "racktwin.env.registry" -}}
{{- $external := .root.Values.global.external.hono }}
{{- $own := printf "https://%s.%s.svc:8443/v1" (include "racktwin.fullname" (dict "root" .root "name" "hono-registry")) .root.Release.Namespace }}
- {name: RACKTWIN_HONO_REGISTRY_URL, value: {{ $external.registryUrl | default $own | quote }}}
{{- $secret := printf "%s-hono-registry" .root.Release.Name }}
{{- if $external.registryUrl }}{{ $secret = $external.registrySecret }}{{ end }}
{{- with $secret }}
{{ include "racktwin.env.login" (dict "secret" . "prefix" "RACKTWIN_HONO_REGISTRY") }}
{{- end }}
{{- end -}}

{{- define "racktwin.definitions.url" -}}
https://{{ include "racktwin.fullname" (dict "root" .root "name" "definitions") }}.{{ .root.Release.Namespace }}.svc:8443
{{- end -}}

{{/* Whether anything is brought from outside, so that our processes must be let out */}}
{{- define "racktwin.outside" -}}
{{- $external := .Values.global.external -}}
{{- if or $external.kafka.bootstrap $external.ditto.url $external.hono.registryUrl $external.hono.mqttHost $external.hono.amqpHost $external.influxdb.url .Values.global.registry.url -}}true{{- end -}}
{{- end -}}

{{/* The model registry: a volume of the release, or an object store. Empty where there is none. */}}
{{- define "racktwin.registry.url" -}}
{{- $registry := .root.Values.global.registry -}}
{{- if $registry.enabled }}{{ $registry.url | default "/registry" }}{{ end -}}
{{- end -}}
{{- define "racktwin.env.models" -}}
{{- with include "racktwin.registry.url" . }}
- {name: RACKTWIN_REGISTRY_URL, value: {{ . | quote }}}
{{- end }}
{{- end -}}
{{- define "racktwin.registry.volumes" -}}
{{- $registry := .root.Values.global.registry -}}
{{- if and $registry.enabled (not $registry.url) }}
- name: registry
  persistentVolumeClaim: {claimName: {{ include "racktwin.fullname" (dict "root" .root "name" "registry") }}}
{{- end }}
{{- end -}}
{{- define "racktwin.registry.mounts" -}}
{{- $registry := .root.Values.global.registry -}}
{{- if and $registry.enabled (not $registry.url) }}
- {name: registry, mountPath: /registry}
{{- end }}
{{- end -}}
