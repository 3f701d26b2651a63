{{/*
The contact point `racktwin`, a YAML list: e-mail, a webhook and Slack, those of them that values name. Addresses that are secrets come
from the environment, which Grafana fills in when it reads the file.
*/}}
{{- define "grafana.contactPoints" -}}
{{- $notify := .Values.notify }}
{{- $title := `{{ template "racktwin.title" . }}` }}
{{- $message := `{{ template "racktwin.message" . }}` }}
{{- $receivers := list }}
{{- if $notify.email.addresses }}
{{- $receivers = append $receivers (dict "uid" "racktwin-email" "type" "email" "settings" (dict "addresses" (join ";" $notify.email.addresses) "subject" $title "message" $message)) }}
{{- end }}
{{- if $notify.webhook.secret }}
{{- $receivers = append $receivers (dict "uid" "racktwin-webhook" "type" "webhook" "settings" (dict "url" "$RACKTWIN_WEBHOOK_URL" "httpMethod" "POST" "title" $title "message" $message)) }}
{{- end }}
{{- if $notify.slack.secret }}
{{- $receivers = append $receivers (dict "uid" "racktwin-slack" "type" "slack" "settings" (dict "url" "$RACKTWIN_SLACK_URL" "title" $title "text" $message)) }}
{{- end }}
{{- if $receivers }}
{{- toYaml (list (dict "orgId" 1 "name" "racktwin" "receivers" $receivers)) }}
{{- else }}
{{- toYaml list }}
{{- end }}
{{- end -}}

{{/* What Grafana needs in its environment for them: YAML list */}}
{{- define "grafana.notify.env" -}}
{{- $notify := .Values.notify }}
{{- with $notify.webhook.secret }}
- {name: RACKTWIN_WEBHOOK_URL, valueFrom: {secretKeyRef: {name: {{ . }}, key: url}}}
{{- end }}
{{- with $notify.slack.secret }}
- {name: RACKTWIN_SLACK_URL, valueFrom: {secretKeyRef: {name: {{ . }}, key: url}}}
{{- end }}
{{- if $notify.email.addresses }}
- {name: GF_SMTP_ENABLED, value: "true"}
- {name: GF_SMTP_HOST, value: {{ required "grafana.notify.email.smtp.host: host:port of the mail server" $notify.email.smtp.host | quote }}}
- {name: GF_SMTP_FROM_ADDRESS, value: {{ required "grafana.notify.email.smtp.from: address of the sender" $notify.email.smtp.from | quote }}}
- {name: GF_SMTP_STARTTLS_POLICY, value: {{ $notify.email.smtp.startTls | quote }}}
{{- with $notify.email.smtp.secret }}
- {name: GF_SMTP_USER, valueFrom: {secretKeyRef: {name: {{ . }}, key: username}}}
- {name: GF_SMTP_PASSWORD, valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}}
{{- end }}
{{- end }}
{{- end -}}
