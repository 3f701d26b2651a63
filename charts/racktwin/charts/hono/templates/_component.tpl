{{/*
One of Hono's components: ConfigMap, Deployment, Service, budget, policy.
  root, name, image, cfg (replicas, resources), settings (application.yml), ports (list of {name, port}),
  env, account, kafka, ingress, egress
*/}}
{{- define "hono.component" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
data:
  application.yml: |
    {{- .settings | nindent 4 }}
  cache.xml: |
    {{- .root.Files.Get "files/cache.xml" | nindent 4 }}
  nginx.conf: |
    {{- .root.Files.Get "files/registry-nginx.conf" | nindent 4 }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
spec:
  replicas: {{ ternary 0 (.cfg.replicas | default 1) .root.Values.global.maintenance }}
  revisionHistoryLimit: 3
  strategy:
    {{- if .single }}
    type: Recreate
    {{- else }}
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
    {{- end }}
  selector:
    matchLabels: {{- include "racktwin.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "racktwin.labels" . | nindent 8 }}
      annotations:
        racktwin.io/settings: {{ .settings | sha256sum }}
    spec:
      {{- include "racktwin.pod" (merge (dict "user" 1000) .) | nindent 6 }}
      terminationGracePeriodSeconds: 45
      containers:
        - name: {{ .name }}
          {{- include "racktwin.container.image" . | nindent 10 }}
          env:
            {{- include "racktwin.env.truststore" . | nindent 12 }}
            - {name: JDK_JAVA_OPTIONS, value: "-XX:MinRAMPercentage=80 -XX:MaxRAMPercentage=80 -Djava.net.preferIPv4Stack=true {{ include "racktwin.jvm.truststore" . }}"}
            - name: KUBERNETES_NAMESPACE
              valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
            # In a pod with other containers the adapter must know which one it is.
            - {name: KUBERNETES_CONTAINER_NAME, value: {{ .name }}}
            - name: SIGNING_SECRET
              valueFrom: {secretKeyRef: {name: {{ .root.Release.Name }}-hono-internal, key: signing}}
            - name: COMPONENT_PASSWORD
              valueFrom: {secretKeyRef: {name: {{ .root.Release.Name }}-hono-internal, key: {{ .login | default "command-router" }}}}
            {{- if .kafka }}
            {{- with include "racktwin.kafka.secret" (merge (dict "user" "hono") .) }}
            {{- include "racktwin.env.login" (dict "secret" . "prefix" "KAFKA" "user" "USERNAME") | nindent 12 }}
            {{- end }}
            {{- end }}
            {{- with .env }}
            {{- . | nindent 12 }}
            {{- end }}
          ports:
            - {name: health, containerPort: 8088}
            {{- range .ports }}
            - {name: {{ .name }}, containerPort: {{ .port }}}
            {{- end }}
          startupProbe:
            httpGet: {path: /started, port: health}
            periodSeconds: 5
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /liveness, port: health}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readiness, port: health}
            periodSeconds: 5
            timeoutSeconds: 5
          resources: {{- toYaml .cfg.resources | nindent 12 }}
          securityContext: {{- include "racktwin.container.security" . | nindent 12 }}
          volumeMounts:
            - {name: settings, mountPath: /opt/hono/config, readOnly: true}
            - {name: tmp, mountPath: /tmp}
            {{- if eq .name "hono-auth" }}
            - {name: permissions, mountPath: /etc/racktwin/permissions, readOnly: true}
            {{- end }}
            {{- include "racktwin.mounts.tls" . | nindent 12 }}
        {{- if eq .name "hono-registry" }}
        - name: nginx
          {{- include "racktwin.container.image" (merge (dict "image" "nginx") .) | nindent 10 }}
          command: [nginx, -c, /opt/hono/config/nginx.conf, -g, "daemon off;"]
          ports:
            - {name: https, containerPort: 8443}
          livenessProbe:
            tcpSocket: {port: https}
            periodSeconds: 10
          resources: {requests: {cpu: 20m, memory: 24Mi}, limits: {memory: 64Mi}}
          securityContext:
            runAsUser: 101
            {{- include "racktwin.container.security" . | nindent 12 }}
          volumeMounts:
            - {name: settings, mountPath: /opt/hono/config, readOnly: true}
            - {name: users, mountPath: /etc/racktwin/users, readOnly: true}
            - {name: nginx, mountPath: /tmp}
            {{- include "racktwin.mounts.tls" . | nindent 12 }}
        {{- end }}
      volumes:
        - name: settings
          configMap: {name: {{ include "racktwin.fullname" . }}}
        - name: tmp
          emptyDir: {sizeLimit: 128Mi}
        {{- if eq .name "hono-auth" }}
        - name: permissions
          secret: {secretName: {{ .root.Release.Name }}-hono-internal, defaultMode: 0440, items: [{key: permissions.json, path: permissions.json}]}
        {{- end }}
        {{- if eq .name "hono-registry" }}
        - name: users
          secret: {secretName: {{ .root.Release.Name }}-hono-registry, defaultMode: 0440, items: [{key: htpasswd, path: htpasswd}]}
        - name: nginx
          emptyDir: {sizeLimit: 32Mi}
        {{- end }}
        {{- include "racktwin.volumes.tls" . | nindent 8 }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
spec:
  type: {{ .cfg.serviceType | default "ClusterIP" }}
  selector: {{- include "racktwin.selector" . | nindent 4 }}
  ports:
    {{- if eq .name "hono-registry" }}
    - {name: https, port: 8443, targetPort: https}
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
---
{{ include "racktwin.pdb" . }}
{{ include "racktwin.networkPolicy" (merge (dict "ingress" (append .ingress (dict "monitoring" true)) "api" (ne (.account | default "") "")) .) }}
{{- end -}}
