{{/* application.yml of each component. ${NAME} is filled in by the component itself, from its environment. */}}

{{- define "hono.kafka" -}}
kafka:
  commonClientConfig:
    bootstrap.servers: {{ include "racktwin.kafka.bootstrap" . }}
    security.protocol: {{ include "racktwin.kafka.protocol" . }}
    {{- if hasSuffix "SSL" (include "racktwin.kafka.protocol" .) }}
    ssl.truststore.type: PEM
    ssl.truststore.location: /etc/racktwin/trust/bundle.crt
    {{- end }}
    {{- if include "racktwin.kafka.secret" (merge (dict "user" "hono") .) }}
    {{- $mechanism := include "racktwin.kafka.mechanism" . }}
    sasl.mechanism: {{ $mechanism }}
    {{- $module := ternary "plain.PlainLoginModule" "scram.ScramLoginModule" (eq $mechanism "PLAIN") }}
    sasl.jaas.config: org.apache.kafka.common.security.{{ $module }} required username="${KAFKA_USERNAME}" password="${KAFKA_PASSWORD}";
    {{- end }}
  # Hono's own limits are tight: a broker that is busy for a second would cost messages.
  {{- range $client := list "telemetry" "event" "commandResponse" "notification" }}
  {{ $client }}:
    producerConfig: {max.block.ms: 2000, request.timeout.ms: 3000, delivery.timeout.ms: 10000}
  {{- end }}
{{- end -}}

{{/* A client of another component: root, component (the Service), port */}}
{{- define "hono.client" -}}
host: {{ include "racktwin.fullname" (dict "root" .root "name" .component) }}.{{ .root.Release.Namespace }}.svc
port: 5671
tlsEnabled: true
trustStorePath: /etc/racktwin/trust/ca.crt
requestTimeout: 2000
linkEstablishmentTimeout: 5000
flowLatency: 200
{{- end -}}

{{- define "hono.listener" -}}
bindAddress: 0.0.0.0
keyPath: /etc/racktwin/tls/tls.key
certPath: /etc/racktwin/tls/tls.crt
{{- end -}}

{{/* How registry and command router know who calls them */}}
{{- define "hono.authentication" -}}
auth:
  name: {{ .name }}
  {{- include "hono.client" (merge (dict "component" "hono-auth") .) | nindent 2 }}
  validation:
    sharedSecret: ${SIGNING_SECRET}
{{- end -}}

{{- define "hono.settings.hono-auth" -}}
hono:
  app: {maxInstances: 1}
  auth:
    amqp: {{- include "hono.listener" . | nindent 6 }}
    svc:
      permissionsPath: /etc/racktwin/permissions/permissions.json
      supportedSaslMechanisms: PLAIN
      signing:
        sharedSecret: ${SIGNING_SECRET}
        tokenExpiration: 3600
{{- end -}}

{{- define "hono.settings.hono-registry" -}}
hono:
  app: {maxInstances: 1, amqpMessagingDisabled: true}
  {{- include "hono.authentication" . | nindent 2 }}
  registry:
    amqp:
      {{- include "hono.listener" . | nindent 6 }}
      # The default of 100 stalls an adapter that meets many devices for the first time.
      receiverLinkCredit: 1000
    http:
      # On loopback alone; nginx in the pod asks for the password.
      authenticationRequired: false
      insecurePortEnabled: true
      insecurePortBindAddress: 127.0.0.1
      insecurePort: 8080
      maxPayloadSize: 65536
  mongodb:
    connectionString: ${MONGODB_URI}
  {{- include "hono.kafka" . | nindent 2 }}
{{- end -}}

{{- define "hono.settings.hono-command-router" -}}
hono:
  app: {maxInstances: 1, amqpMessagingDisabled: true}
  {{- include "hono.authentication" . | nindent 2 }}
  commandRouter:
    amqp: {{- include "hono.listener" . | nindent 6 }}
    cache:
      embedded:
        configurationFile: /opt/hono/config/cache.xml
  {{- range $client := list "registration" "tenant" }}
  {{ $client }}:
    {{- include "hono.client" (merge (dict "component" "hono-registry") $) | nindent 4 }}
    username: command-router@HONO
    password: ${COMPONENT_PASSWORD}
  {{- end }}
  {{- include "hono.kafka" . | nindent 2 }}
{{- end -}}

{{/* adapter: mqtt, http or amqp */}}
{{- define "hono.settings.adapter" -}}
hono:
  app: {maxInstances: 1, amqpMessagingDisabled: true}
  {{ .adapter }}:
    {{- include "hono.listener" . | nindent 4 }}
    maxPayloadSize: {{ int .root.Values.maxPayloadBytes }}
  {{- $root := . }}
  {{- range $client, $service := dict "registration" "hono-registry" "credentials" "hono-registry" "tenant" "hono-registry" "commandRouter" "hono-command-router" }}
  {{ $client }}:
    {{- include "hono.client" (merge (dict "component" $service) $root) | nindent 4 }}
    username: {{ $root.adapter }}-adapter@HONO
    password: ${COMPONENT_PASSWORD}
    {{- if has $client (list "registration" "credentials") }}
    responseCacheMaxSize: {{ int $root.root.Values.cachedDevices }}
    {{- end }}
  {{- end }}
  {{- include "hono.kafka" . | nindent 2 }}
{{- end -}}
