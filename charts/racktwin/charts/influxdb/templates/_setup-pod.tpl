{{/* The pod that sets InfluxDB up: root, name */}}
{{- define "influxdb.setup.pod" -}}
{{- $influxdb := include "racktwin.fullname" (dict "root" .root "name" "influxdb") }}
metadata:
  labels: {{- include "racktwin.labels" . | nindent 4 }}
spec:
  {{- include "racktwin.pod" (merge (dict "user" 10001 "account" (include "racktwin.fullname" .)) .) | nindent 2 }}
  restartPolicy: OnFailure
  containers:
    - name: setup
      {{- include "racktwin.container.image" (dict "root" .root "image" "racktwin") | nindent 6 }}
      command: [python, -m, provision, influx]
      env:
        {{- include "racktwin.env.trust" . | nindent 8 }}
        - {name: RACKTWIN_INFLUX_URL, value: {{ include "racktwin.influx.url" . | quote }}}
        - {name: RACKTWIN_INFLUX_ORG, value: {{ .root.Values.global.external.influxdb.org }}}
        - name: RACKTWIN_INFLUX_TOKEN
          valueFrom: {secretKeyRef: {name: {{ $influxdb }}-admin, key: token}}
        - name: RACKTWIN_PROVISION_PASSWORD
          valueFrom: {secretKeyRef: {name: {{ $influxdb }}-admin, key: password}}
        - {name: RACKTWIN_PROVISION_NAMESPACE, value: {{ .root.Release.Namespace }}}
        - {name: RACKTWIN_PROVISION_SECRETS, value: {{ $influxdb }}}
      resources: {requests: {cpu: 20m, memory: 96Mi}, limits: {memory: 256Mi}}
      securityContext: {{- include "racktwin.container.security" . | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- include "racktwin.mounts.trust" . | nindent 8 }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 16Mi}
    {{- include "racktwin.volumes.trust" . | nindent 4 }}
{{- end -}}
