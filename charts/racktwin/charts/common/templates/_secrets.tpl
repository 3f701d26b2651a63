{{/*
Passwords that are made once and kept: what the cluster has already is used again, so that an upgrade changes nothing.
`helm template` has no cluster to look at and makes new ones each time.
*/}}

{{/* The value of a key of a Secret, or a new password: root, secret (name), key, length */}}
{{- define "racktwin.kept" -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- $data := (($found | default dict).data | default dict) -}}
{{- if hasKey $data .key -}}
{{- get $data .key | b64dec -}}
{{- else -}}
{{- randAlphaNum (.length | default 40 | int) -}}
{{- end -}}
{{- end -}}

{{/* A Secret with a user's name and a kept password: root, secret (name), component, username */}}
{{- define "racktwin.login" -}}
{{- $context := dict "root" .root "name" .component -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ .secret }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "racktwin.labels" $context | nindent 4 }}
  annotations:
    # What was encrypted or stored with it outlives the release; `helm uninstall` leaves it.
    helm.sh/resource-policy: keep
type: Opaque
stringData:
  {{- with .username }}
  username: {{ . }}
  {{- end }}
  password: {{ include "racktwin.kept" (dict "root" .root "secret" .secret "key" "password") }}
{{- end -}}
