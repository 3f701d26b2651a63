{{/* root, name, command: arguments of `python -m provision` */}}
{{- define "umbrella.backup.pod" -}}
{{- $root := .root }}
metadata:
  labels: {{- include "racktwin.labels" . | nindent 4 }}
spec:
  {{- include "racktwin.pod" (merge (dict "user" 10001 "account" (include "racktwin.fullname" .)) .) | nindent 2 }}
  restartPolicy: OnFailure
  containers:
    - name: backup
      {{- include "racktwin.container.image" (dict "root" $root "image" "racktwin") | nindent 6 }}
      command: {{ concat (list "python" "-m" "provision") .command | toJson }}
      env:
        {{- include "racktwin.env.trust" . | nindent 8 }}
        - {name: RACKTWIN_BACKUP_DIR, value: /backup}
        - {name: RACKTWIN_PROVISION_NAMESPACE, value: {{ $root.Release.Namespace }}}
        {{- if $root.Values.influxdb.enabled }}
        - {name: RACKTWIN_INFLUX_URL, value: {{ include "racktwin.influx.url" . | quote }}}
        - {name: RACKTWIN_INFLUX_ORG, value: {{ $root.Values.global.external.influxdb.org }}}
        - name: RACKTWIN_INFLUX_TOKEN
          valueFrom: {secretKeyRef: {name: {{ $root.Release.Name }}-influxdb-admin, key: token}}
        {{- end }}
        {{- if $root.Values.mongodb.enabled }}
        - name: RACKTWIN_BACKUP_MONGODB_URI
          valueFrom: {secretKeyRef: {name: {{ $root.Release.Name }}-mongodb-backup, key: uri}}
        {{- end }}
        {{- include "racktwin.env.models" . | nindent 8 }}
      resources: {requests: {cpu: 100m, memory: 256Mi}, limits: {memory: 1Gi}}
      securityContext: {{- include "racktwin.container.security" . | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: backup, mountPath: /backup}
        {{- include "racktwin.registry.mounts" . | nindent 8 }}
        {{- include "racktwin.mounts.trust" . | nindent 8 }}
  volumes:
    - name: tmp
      emptyDir: {}
    - name: backup
      persistentVolumeClaim: {claimName: {{ include "racktwin.fullname" . }}}
    {{- include "racktwin.registry.volumes" . | nindent 4 }}
    {{- include "racktwin.volumes.trust" . | nindent 4 }}
{{- end -}}
