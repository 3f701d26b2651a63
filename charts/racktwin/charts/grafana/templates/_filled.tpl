{{/*
A dashboard or a file of alert rules with the site and the addresses of this release in it: root, text. Grafana is the release's own, or
global.external.grafana.
*/}}
{{- define "grafana.filled" -}}
{{- $values := .root.Values }}
{{- $release := .root.Release }}
{{- $external := $values.global.external }}
{{- $console := $values.consoleUrl | default (printf "https://%s-console.%s.svc:8443" $release.Name $release.Namespace) | trimSuffix "/" }}
{{- $own := $values.rootUrl | default (printf "https://%s-grafana.%s.svc:3000" $release.Name $release.Namespace) }}
{{- $grafana := ternary $own $external.grafana.url $values.enabled | trimSuffix "/" }}
{{- $ditto := $external.ditto.url | default (printf "https://%s-ditto.%s.svc:8443" $release.Name $release.Namespace) | trimSuffix "/" }}
{{- $twins := $values.dittoUiUrl | default (printf "%s/ui" $ditto) | trimSuffix "/" }}
{{- .text | replace "@site@" (include "racktwin.site" .root) | replace "@console@" $console | replace "@grafana@" $grafana | replace "@ditto-ui@" $twins }}
{{- end -}}
