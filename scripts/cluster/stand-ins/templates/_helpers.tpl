{{/* A password of this release: kept when it is there, made once otherwise. root, key */}}
{{- define "stand-ins.password" -}}
{{- $known := (lookup "v1" "Secret" .root.Release.Namespace "stand-ins").data | default dict -}}
{{- if hasKey $known .key -}}{{ index $known .key | b64dec }}{{- else -}}{{ randAlphaNum .length }}{{- end -}}
{{- end -}}

{{/* What all services of Hono have: health, and Spring without a web server of its own. settings, profile */}}
{{- define "stand-ins.spring" -}}
{{- $health := dict "insecurePortEnabled" true "insecurePort" 8088 "insecurePortBindAddress" "0.0.0.0" -}}
{{- $common := dict "app" (dict "maxInstances" 1 "startupTimeout" 120) "vertx" (dict "preferNative" false) "healthCheck" $health -}}
{{- dict
  "spring" (dict "jmx" (dict "enabled" false) "main" (dict "web-application-type" "none") "profiles" (ternary (dict "active" .profile) dict (ne .profile "")))
  "management" (dict "server" (dict "port" -1))
  "server" (dict "port" -1)
  "hono" (merge $common .settings)
  "logging" (dict "level" (dict "root" "WARN" "org.eclipse.hono" "INFO"))
  | toPrettyJson -}}
{{- end -}}

{{- define "stand-ins.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: racktwin-stand-ins
{{- end -}}
