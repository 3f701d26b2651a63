{{/*
One of our Python processes, whole: Deployment, Service of its health port, disruption budget, scaling, policy, monitor.
  root, name (component), module (python -m), cfg (its values: replicas, env, resources, and maxReplicas if it may scale)
  env      YAML list of environment variables, as text
  ports    further ports: list of {name, port}
  account  service account, if it calls the Kubernetes API
  group    consumer group, if its lag may scale it; user its Kafka user
  volumes, mounts  further ones, YAML lists as text
  secret     Secret whose keys are further environment variables
  ingress, egress, api, outside  as racktwin.networkPolicy
  strategy Recreate where two may not run at once
  readiness  path of the readiness probe, where another than /readyz
  init       init containers, YAML list as text
  podAnnotations  of the pod (a dict): what rolls it when it changes
*/}}
{{- define "racktwin.process" -}}
{{- $maintenance := .root.Values.global.maintenance }}
{{- $scaling := and .cfg.maxReplicas (ne .root.Values.global.autoscaling.mode "none") (not $maintenance) }}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
spec:
  {{- if not $scaling }}
  replicas: {{ ternary 0 .cfg.replicas $maintenance }}
  {{- end }}
  revisionHistoryLimit: 3
  {{- if .strategy }}
  strategy: {type: {{ .strategy }}}
  {{- else }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  {{- end }}
  selector:
    matchLabels: {{- include "racktwin.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "racktwin.labels" . | nindent 8 }}
      {{- with .podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "racktwin.pod" (merge (dict "user" 10001 "group" 10001) .) | nindent 6 }}
      terminationGracePeriodSeconds: 45
      {{- with .init }}
      initContainers:
        {{- . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .name }}
          {{- include "racktwin.container.image" (dict "root" .root "image" "racktwin") | nindent 10 }}
          command: [python, -m, {{ .module }}]
          env:
            {{- include "racktwin.env.process" . | nindent 12 }}
            {{- with .env }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- range $key, $value := .cfg.env }}
            - {name: {{ $key }}, value: {{ $value | quote }}}
            {{- end }}
          {{- with .secret }}
          envFrom: [{secretRef: {name: {{ . }}}}]
          {{- end }}
          ports:
            - {name: health, containerPort: 8080}
            {{- range .ports }}
            - {name: {{ .name }}, containerPort: {{ .port }}}
            {{- end }}
          {{- include "racktwin.probes" . | nindent 10 }}
          resources: {{- toYaml .cfg.resources | nindent 12 }}
          securityContext: {{- include "racktwin.container.security" . | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- include "racktwin.mounts.tls" . | nindent 12 }}
            {{- with .mounts }}
            {{- . | nindent 12 }}
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: {sizeLimit: 64Mi}
        {{- include "racktwin.volumes.tls" (dict "root" .root "name" "processes") | nindent 8 }}
        {{- with .volumes }}
        {{- . | nindent 8 }}
        {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
spec:
  selector: {{- include "racktwin.selector" . | nindent 4 }}
  {{- if .cfg.serviceType }}
  type: {{ .cfg.serviceType }}
  {{- end }}
  ports:
    {{- /* Not on a Service that is reached from outside; that has another beside it. */}}
    {{- if eq (.cfg.serviceType | default "ClusterIP") "ClusterIP" }}
    - {name: health, port: 8080, targetPort: health}
    {{- end }}
    {{- $nodePort := .cfg.nodePort }}
    {{- range .ports }}
    - name: {{ .name }}
      port: {{ .port }}
      targetPort: {{ .name }}
      {{- with $nodePort }}
      nodePort: {{ . }}
      {{- end }}
    {{- end }}
{{- if ne (.cfg.serviceType | default "ClusterIP") "ClusterIP" }}
---
# Health and metrics, within the cluster alone.
apiVersion: v1
kind: Service
metadata:
  {{- include "racktwin.metadata" (merge (dict "suffix" "health") .) | nindent 2 }}
spec:
  selector: {{- include "racktwin.selector" . | nindent 4 }}
  ports:
    - {name: health, port: 8080, targetPort: health}
{{- end }}
---
{{ include "racktwin.pdb" . }}
{{ include "racktwin.scaling" . }}
{{ include "racktwin.networkPolicy" (merge (dict "ingress" (append (.ingress | default list) (dict "monitoring" true))) .) }}
{{ include "racktwin.serviceMonitor" (merge (dict "port" "health") .) }}
{{- end -}}

{{/* What each of our processes is told about itself */}}
{{- define "racktwin.env.process" -}}
- {name: RACKTWIN_LOG_LEVEL, value: {{ .root.Values.global.logLevel }}}
# Kafka of one's own holds this site and replays of it; a Kafka of others may hold other sites.
- {name: RACKTWIN_SITES, value: {{ ternary (include "racktwin.site" .root) "*" (ne .root.Values.global.external.kafka.bootstrap "") | quote }}}
- {name: RACKTWIN_HEALTH_HOST, value: "0.0.0.0"}
- {name: RACKTWIN_HEALTH_PORT, value: "8080"}
- {name: RACKTWIN_HEALTH_TLS_CERT, value: /etc/racktwin/tls/tls.crt}
- {name: RACKTWIN_HEALTH_TLS_KEY, value: /etc/racktwin/tls/tls.key}
{{ include "racktwin.env.trust" . }}
{{- end -}}

{{/* Authorities, by the names that OpenSSL and requests know; and what libraries want of a user without an entry in /etc/passwd */}}
{{- define "racktwin.env.trust" -}}
- {name: SSL_CERT_FILE, value: /etc/racktwin/trust/bundle.crt}
- {name: REQUESTS_CA_BUNDLE, value: /etc/racktwin/trust/bundle.crt}
- {name: HOME, value: /tmp}
- {name: USER, value: racktwin}
- {name: PYTHONUNBUFFERED, value: "1"}
- {name: OPENBLAS_NUM_THREADS, value: "1"}
{{- end -}}

{{/* Alive: no loop hangs. Ready: what it depends on is there. */}}
{{- define "racktwin.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: health, scheme: HTTPS}
  periodSeconds: 3
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: health, scheme: HTTPS}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: {{ .readiness | default "/readyz" }}, port: health, scheme: HTTPS}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}

{{- define "racktwin.scaling" -}}
{{- $mode := ternary "none" .root.Values.global.autoscaling.mode .root.Values.global.maintenance }}
{{- if and .cfg.maxReplicas (eq $mode "hpa") }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "racktwin.fullname" . }}}
  minReplicas: {{ .cfg.replicas }}
  maxReplicas: {{ max .cfg.maxReplicas .cfg.replicas }}
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}
  behavior:
    # Each change of the number moves partitions, which pauses their readings for seconds.
    scaleDown: {stabilizationWindowSeconds: 900}
{{- else if and .cfg.maxReplicas (eq $mode "keda") }}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {name: {{ include "racktwin.fullname" . }}}
  minReplicaCount: {{ .cfg.replicas }}
  maxReplicaCount: {{ max .cfg.maxReplicas .cfg.replicas }}
  cooldownPeriod: 900
  triggers:
    - type: kafka
      metadata:
        bootstrapServers: {{ include "racktwin.kafka.bootstrap" . }}
        consumerGroup: {{ .group }}
        # About what one replica reads in two seconds.
        lagThreshold: "50000"
        {{- if include "racktwin.kafka.secret" . }}
        sasl: {{ include "racktwin.kafka.mechanism" . | lower | replace "-sha-" "_sha" | replace "plain" "plaintext" }}
        {{- end }}
        tls: {{ ternary "enable" "disable" (hasSuffix "SSL" (include "racktwin.kafka.protocol" .)) }}
      authenticationRef: {name: {{ include "racktwin.fullname" . }}}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
spec:
  secretTargetRef:
    {{- with (include "racktwin.kafka.secret" .) }}
    - {parameter: username, name: {{ . }}, key: username}
    - {parameter: password, name: {{ . }}, key: password}
    {{- end }}
    - {parameter: ca, name: {{ .root.Release.Name }}-trust, key: bundle.crt}
{{- end }}
{{- end -}}
