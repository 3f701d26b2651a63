{{/* What every pod has. Each takes a dict: root, name (component). */}}

{{/* The pod's part that is the same for all: user (numeric), and optionally account (a service account whose token is mounted). */}}
{{- define "racktwin.pod" -}}
enableServiceLinks: false
{{- if .account }}
serviceAccountName: {{ .account }}
automountServiceAccountToken: true
{{- else }}
automountServiceAccountToken: false
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .group | default .user }}
  fsGroup: {{ .group | default .user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- $global := .root.Values.global }}
{{- with $global.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $global.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $global.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $global.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
affinity:
  podAntiAffinity:
  {{- if eq $global.spread "required" }}
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {{- include "racktwin.selector" . | nindent 12 }}
  {{- else }}
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "racktwin.selector" . | nindent 14 }}
  {{- end }}
{{- end -}}

{{- define "racktwin.container.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* image and imagePullPolicy: root, image */}}
{{- define "racktwin.container.image" -}}
image: {{ include "racktwin.image" . | quote }}
imagePullPolicy: {{ .root.Values.global.images.pullPolicy }}
{{- end -}}

{{/* The certificate of a component and the authorities it trusts, as volumes. root, name; mode as a Secret's */}}
{{- define "racktwin.volumes.tls" -}}
- name: tls
  secret:
    secretName: {{ include "racktwin.fullname" . }}-tls
    defaultMode: 0440
{{ include "racktwin.volumes.trust" . }}
{{- end -}}

{{- define "racktwin.volumes.trust" -}}
- name: trust
  secret:
    secretName: {{ .root.Release.Name }}-trust
    defaultMode: 0440
{{- end -}}

{{- define "racktwin.mounts.trust" -}}
- {name: trust, mountPath: /etc/racktwin/trust, readOnly: true}
{{- end -}}

{{- define "racktwin.mounts.tls" -}}
- {name: tls, mountPath: /etc/racktwin/tls, readOnly: true}
{{ include "racktwin.mounts.trust" . }}
{{- end -}}

{{/* Environment from the trust store's password, for the JVM option that follows it. */}}
{{- define "racktwin.env.truststore" -}}
- name: TRUSTSTORE_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .root.Release.Name }}-truststore-password, key: password}}
{{- end -}}

{{- define "racktwin.jvm.truststore" -}}
-Djavax.net.ssl.trustStore=/etc/racktwin/trust/truststore.p12 -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=$(TRUSTSTORE_PASSWORD)
{{- end -}}

{{/*
A Job that runs again when anything of it changes. Kubernetes lets nobody change the pod template of a Job, so its name holds a hash of all of
that, and of what else it works with: root, name, template (text), inputs (text)
*/}}
{{- define "racktwin.job" -}}
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "racktwin.metadata" (merge (dict "suffix" (printf "%s%s" .template (.inputs | default "") | sha256sum | trunc 8)) .) | nindent 2 }}
spec:
  backoffLimit: 30
  template:
    {{- .template | nindent 4 }}
{{- end -}}

{{/* A volume claim template, or nothing: root, name (of the volume), persistence */}}
{{- define "racktwin.claim" -}}
metadata: {name: {{ .name }}}
spec:
  accessModes: [ReadWriteOnce]
  {{- with (.persistence.storageClass | default .root.Values.global.storageClass) }}
  storageClassName: {{ . }}
  {{- end }}
  resources: {requests: {storage: {{ .persistence.size }}}}
{{- end -}}

{{/* A PodDisruptionBudget: root, name, replicas */}}
{{- define "racktwin.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
spec:
  # One at a time; a single replica may be moved, which is a short pause and no loss.
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "racktwin.selector" . | nindent 6 }}
{{- end -}}

{{/* A ServiceMonitor where they are wanted: root, name, port (its name), scheme, path, token (a Secret whose key token a scrape bears) */}}
{{- define "racktwin.serviceMonitor" -}}
{{- if .root.Values.global.monitoring.serviceMonitors }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
    {{- with .root.Values.global.monitoring.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels: {{- include "racktwin.selector" . | nindent 6 }}
  endpoints:
    - port: {{ .port }}
      path: {{ .path | default "/metrics" }}
      interval: {{ .root.Values.global.monitoring.interval }}
      {{- with .token }}
      authorization: {type: Bearer, credentials: {name: {{ . }}, key: token}}
      {{- end }}
      {{- if ne (.scheme | default "https") "http" }}
      scheme: https
      tlsConfig:
        serverName: {{ .serverName | default (printf "%s-processes" .root.Release.Name) }}
        ca:
          secret: {name: {{ .root.Release.Name }}-trust, key: ca.crt}
      {{- end }}
{{- end }}
{{- end -}}

{{/*
A PodMonitor for pods whose metrics no Service shows: root, name, components, port, path (/metrics), serverName where they serve metrics with
TLS (images of others do not), and foreign: true for pods that bear no name of a release.
*/}}
{{- define "racktwin.podMonitor" -}}
{{- if .root.Values.global.monitoring.serviceMonitors }}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
    {{- with .root.Values.global.monitoring.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    {{- if .foreign }}
    matchLabels: {app.kubernetes.io/part-of: racktwin}
    {{- else }}
    matchLabels: {app.kubernetes.io/instance: {{ .root.Release.Name }}}
    {{- end }}
    matchExpressions:
      - {key: app.kubernetes.io/name, operator: In, values: {{ toJson .components }}}
  podMetricsEndpoints:
    - port: {{ .port }}
      path: {{ .path | default "/metrics" }}
      interval: {{ .root.Values.global.monitoring.interval }}
      {{- with .serverName }}
      scheme: https
      tlsConfig:
        serverName: {{ . }}
        ca:
          secret: {name: {{ $.root.Release.Name }}-trust, key: ca.crt}
      {{- end }}
{{- end }}
{{- end -}}
