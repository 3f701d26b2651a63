{{/* The pod that makes users and rights: root, name, users */}}
{{- define "kafka.access.pod" -}}
metadata:
  labels: {{- include "racktwin.labels" . | nindent 4 }}
spec:
  {{- include "racktwin.pod" (merge (dict "user" 10001) .) | nindent 2 }}
  restartPolicy: OnFailure
  containers:
    - name: access
      {{- include "racktwin.container.image" (dict "root" .root "image" "racktwin") | nindent 6 }}
      command: [python, -m, provision, kafka]
      env:
        {{- include "racktwin.env.trust" . | nindent 8 }}
        {{- include "racktwin.env.kafka" (dict "root" .root "user" "admin") | nindent 8 }}
        - {name: RACKTWIN_PROVISION_ACCESS, value: /etc/racktwin/access/access.yaml}
        - {name: RACKTWIN_PROVISION_USERS, value: /etc/racktwin/users}
      resources: {requests: {cpu: 20m, memory: 96Mi}, limits: {memory: 256Mi}}
      securityContext: {{- include "racktwin.container.security" . | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: access, mountPath: /etc/racktwin/access, readOnly: true}
        - {name: users, mountPath: /etc/racktwin/users, readOnly: true}
        {{- include "racktwin.mounts.trust" . | nindent 8 }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 16Mi}
    - name: access
      configMap: {name: {{ include "racktwin.fullname" . }}}
    - name: users
      projected:
        defaultMode: 0440
        sources:
          {{- range .users }}
          - secret:
              name: {{ $.root.Release.Name }}-kafka-{{ . }}
              items:
                - {key: password, path: {{ . }}}
          {{- end }}
    {{- include "racktwin.volumes.trust" . | nindent 4 }}
{{- end -}}
