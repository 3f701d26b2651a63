{{/* Beside the gateway: nginx, which is what others reach, and the web interface's files */}}
{{- define "ditto.gateway.containers" -}}
- name: nginx
  {{- include "racktwin.container.image" (dict "root" .root "image" "nginx") | nindent 2 }}
  command: [nginx, -c, /etc/racktwin/nginx/nginx.conf, -g, "daemon off;"]
  ports:
    - {name: https, containerPort: 8443}
  livenessProbe:
    tcpSocket: {port: https}
    periodSeconds: 10
  # Through nginx to the gateway's own readiness.
  readinessProbe:
    httpGet: {path: /ready, port: https, scheme: HTTPS}
    periodSeconds: 5
    timeoutSeconds: 5
  resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {memory: 128Mi}}
  securityContext:
    runAsUser: 101
    {{- include "racktwin.container.security" . | nindent 4 }}
  volumeMounts:
    - {name: settings, mountPath: /etc/racktwin/nginx, readOnly: true}
    - {name: users, mountPath: /etc/racktwin/users, readOnly: true}
    - {name: nginx, mountPath: /tmp}
    {{- include "racktwin.mounts.tls" . | nindent 4 }}
{{- if .root.Values.ui.enabled }}
- name: ui
  {{- include "racktwin.container.image" (dict "root" .root "image" "dittoUi") | nindent 2 }}
  resources: {requests: {cpu: 10m, memory: 24Mi}, limits: {memory: 64Mi}}
  securityContext:
    runAsUser: 101
    {{- include "racktwin.container.security" . | nindent 4 }}
  volumeMounts:
    - {name: settings, mountPath: /etc/nginx/conf.d/default.conf, subPath: ui.conf, readOnly: true}
    - {name: nginx, mountPath: /tmp}
{{- end }}
{{- end -}}
