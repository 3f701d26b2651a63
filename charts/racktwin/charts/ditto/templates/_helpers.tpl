{{/* The five services: key in values -> what differs. */}}
{{- define "ditto.services" -}}
policies: {name: policies, image: dittoPolicies, store: true}
things: {name: things, image: dittoThings, store: true}
thingsSearch: {name: things-search, image: dittoThingsSearch, store: true}
connectivity: {name: connectivity, image: dittoConnectivity, store: true}
gateway: {name: gateway, image: dittoGateway, store: false}
{{- end -}}

{{/* All replicas of all services: the cluster forms when they see each other. */}}
{{- define "ditto.contacts" -}}
{{- add (int .Values.policies.replicas) (int .Values.things.replicas) (int .Values.thingsSearch.replicas) (int .Values.connectivity.replicas) (int .Values.gateway.replicas) -}}
{{- end -}}

{{- define "ditto.cluster" -}}
{{ .Release.Name }}-ditto
{{- end -}}

{{/* JVM flags; later ones win. Not JVM_CMD_ARGS_ENV, which the images use themselves. */}}
{{- define "ditto.jvm" -}}
{{- $flags := list
  "-XX:+ExitOnOutOfMemoryError"
  "-XX:MaxRAMPercentage=60" "-XX:InitialRAMPercentage=60" "-XX:MaxMetaspaceSize=256m" "-XX:+UseG1GC" "-Xss512k"
  "-Djava.net.preferIPv4Stack=true"
  "-Dpekko.management.cluster.bootstrap.contact-point-discovery.port-name=management"
  "-Dpekko.cluster.failure-detector.threshold=15.0"
  "-Dpekko.cluster.failure-detector.expected-response-after=3s"
  "-Dpekko.cluster.failure-detector.acceptable-heartbeat-pause=7s"
  "-Dpekko.cluster.shutdown-after-unsuccessful-join-seed-nodes=180s"
  "-Dpekko.cluster.sharding.updating-state-timeout=20s" }}
{{- if .root.Values.clusterTls }}
{{- $flags = concat $flags (list
  "-Dpekko.remote.artery.ssl.ssl-engine-provider=org.apache.pekko.remote.artery.tcp.ssl.RotatingKeysSSLEngineProvider"
  "-Dpekko.remote.artery.ssl.rotating-keys-engine.key-file=/etc/racktwin/tls/tls.key"
  "-Dpekko.remote.artery.ssl.rotating-keys-engine.cert-file=/etc/racktwin/tls/tls.crt"
  "-Dpekko.remote.artery.ssl.rotating-keys-engine.ca-cert-file=/etc/racktwin/tls/ca.crt") }}
{{- end }}
{{- if eq .key "gateway" }}
{{- $flags = append $flags "-Dditto.gateway.http.hostname=127.0.0.1" }}
{{- end }}
{{- join " " $flags }} {{ include "racktwin.jvm.truststore" . }}
{{- end -}}

{{/* Variables of all five services: root, key, service */}}
{{- define "ditto.env" -}}
{{- $values := .root.Values }}
- name: HOSTNAME
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
- name: INSTANCE_INDEX
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{ include "racktwin.env.truststore" . }}
- {name: JAVA_TOOL_OPTIONS, value: {{ include "ditto.jvm" . | quote }}}
- {name: DISCOVERY_METHOD, value: kubernetes-api}
- {name: CLUSTER_BS_SERVICE_NAME, value: {{ include "ditto.cluster" .root }}}
- {name: CLUSTER_BS_REQUIRED_CONTACTS, value: {{ include "ditto.contacts" .root | quote }}}
- {name: CLUSTER_NUMBER_OF_SHARDS, value: {{ $values.shards | quote }}}
- {name: CLUSTER_DOWNING_STABLE_AFTER, value: 15s}
- {name: ARTERY_TRANSPORT, value: {{ ternary "tls-tcp" "tcp" $values.clusterTls }}}
- {name: PROMETHEUS_PORT, value: "9095"}
# Racks with many servers import one policy each; things are small.
- {name: LIMITS_POLICIES_MAX_IMPORTS, value: "10"}
{{- if .service.store }}
- name: MONGO_DB_URI
  valueFrom: {secretKeyRef: {name: {{ $values.global.external.mongodb.dittoSecret | default (printf "%s-mongodb-ditto" .root.Release.Name) }}, key: uri}}
- {name: MONGO_DB_SSL_ENABLED, value: "true"}
- {name: MONGO_DB_CA_FILE, value: /etc/racktwin/trust/{{ ternary "bundle.crt" "ca.crt" (ne $values.global.external.mongodb.dittoSecret "") }}}
{{- end }}
{{- end -}}

{{/* Variables of one service */}}
{{- define "ditto.env.own" -}}
{{- $name := printf "%s-ditto" .root.Release.Name }}
{{- if eq .key "gateway" }}
# Subjects come from nginx in this pod, by a header; nobody else reaches the gateway.
- {name: ENABLE_PRE_AUTHENTICATION, value: "true"}
- {name: GATEWAY_WOT_DIRECTORY_AUTHENTICATION_REQUIRED, value: "true"}
- name: DEVOPS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $name }}-devops, key: password}}
- name: STATUS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $name }}-status, key: password}}
{{- else if eq .key "connectivity" }}
- {name: CONNECTIVITY_CONNECTION_ENCRYPTION_ENABLED, value: "true"}
- name: CONNECTIVITY_CONNECTION_ENCRYPTION_KEY
  valueFrom: {secretKeyRef: {name: {{ $name }}-encryption, key: key}}
- {name: KAFKA_CONSUMER_THROTTLING_ENABLED, value: "true"}
- {name: KAFKA_CONSUMER_THROTTLING_LIMIT, value: {{ .root.Values.throttlePerSecond | quote }}}
# With the default of 500 twin events are dropped under load.
- {name: CONNECTIVITY_SIGNAL_ENRICHMENT_BUFFER_SIZE, value: "20000"}
{{- else if eq .key "things" }}
- {name: THINGS_WOT_TO_THING_DESCRIPTION_BASE_PREFIX, value: {{ include "racktwin.ditto.url" . | quote }}}
{{- end }}
{{- end -}}

{{/* The kept key, or 32 new random characters: their own URL-safe Base64 is the key. */}}
{{- define "ditto.encryptionKey" -}}
{{- $found := lookup "v1" "Secret" .Release.Namespace (printf "%s-ditto-encryption" .Release.Name) -}}
{{- if $found -}}
{{- get $found.data "key" | b64dec -}}
{{- else -}}
{{- randBytes 32 | replace "+" "-" | replace "/" "_" -}}
{{- end -}}
{{- end -}}
