{{- define "umbrella.certificates.pod" -}}
{{- $root := .root }}
metadata:
  labels: {{- include "racktwin.labels" . | nindent 4 }}
spec:
  {{- include "racktwin.pod" (merge (dict "user" 10001 "account" (include "racktwin.fullname" .)) .) | nindent 2 }}
  restartPolicy: OnFailure
  containers:
    - name: certificates
      {{- include "racktwin.container.image" (dict "root" $root "image" "racktwin") | nindent 6 }}
      command: [python, -m, provision, certificates]
      env:
        - {name: HOME, value: /tmp}
        - {name: USER, value: racktwin}
        - {name: RACKTWIN_PROVISION_NAMESPACE, value: {{ $root.Release.Namespace }}}
        - {name: RACKTWIN_PROVISION_RELEASE, value: {{ $root.Release.Name }}}
        - {name: RACKTWIN_PROVISION_CERTIFICATES, value: /etc/racktwin/certificates/certificates.yaml}
        # Who issues: this Job, or cert-manager; the trust store is this Job's work either way.
        - {name: RACKTWIN_PROVISION_ISSUER, value: {{ $root.Values.global.tls.mode }}}
        - {name: RACKTWIN_PROVISION_DAYS, value: {{ $root.Values.global.tls.certificateDays | quote }}}
        - {name: RACKTWIN_PROVISION_RENEW_DAYS, value: {{ $root.Values.global.tls.renewBeforeDays | quote }}}
        {{- range $use, $secret := .authorities }}
        {{- if $secret }}
        - {name: RACKTWIN_PROVISION_CA_{{ upper $use }}, value: {{ $secret }}}
        {{- end }}
        {{- end }}
        - name: RACKTWIN_PROVISION_TRUSTSTORE_PASSWORD
          valueFrom: {secretKeyRef: {name: {{ $root.Release.Name }}-truststore-password, key: password}}
      resources: {requests: {cpu: 20m, memory: 96Mi}, limits: {memory: 256Mi}}
      securityContext: {{- include "racktwin.container.security" . | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: certificates, mountPath: /etc/racktwin/certificates, readOnly: true}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 16Mi}
    - name: certificates
      configMap: {name: {{ include "racktwin.fullname" . }}}
{{- end -}}
