{{/*
What certificates there are: YAML, name -> {hosts: [...], workloads: [kind/name that must be rolled when it changes]}.
Read by `python -m provision certificates`, and turned into cert-manager's Certificates.
*/}}
{{- define "umbrella.certificates" -}}
{{- $certificates := dict }}
{{- $public := .Values.global.tls.publicNames }}
{{- $arguments := dict "root" . }}
{{- if .Values.kafka.enabled }}
{{- $nodes := printf "*.%s-kafka-nodes.%s.svc" .Release.Name .Release.Namespace }}
{{- $_ := set $certificates "kafka" (dict "hosts" (append (include "racktwin.dnsNames" (merge (dict "name" "kafka") $arguments) | fromJsonArray) $nodes) "workloads" (list "StatefulSet/kafka")) }}
{{- end }}
{{- if .Values.mongodb.enabled }}
{{- $_ := set $certificates "mongodb" (dict "hosts" (include "racktwin.dnsNames" (merge (dict "name" "mongodb") $arguments) | fromJsonArray) "workloads" (list "StatefulSet/mongodb")) }}
{{- end }}
{{- if .Values.influxdb.enabled }}
{{- $_ := set $certificates "influxdb" (dict "hosts" (include "racktwin.dnsNames" (merge (dict "name" "influxdb") $arguments) | fromJsonArray) "workloads" (list "StatefulSet/influxdb")) }}
{{- end }}
{{- if .Values.grafana.enabled }}
{{- $_ := set $certificates "grafana" (dict "hosts" (concat (include "racktwin.dnsNames" (merge (dict "name" "grafana") $arguments) | fromJsonArray) $public) "workloads" (list "Deployment/grafana")) }}
{{- end }}
{{- if .Values.ditto.enabled }}
{{- $workloads := list "Deployment/ditto-policies" "Deployment/ditto-things" "Deployment/ditto-things-search" "Deployment/ditto-connectivity" "Deployment/ditto-gateway" }}
{{- $_ := set $certificates "ditto" (dict "hosts" (concat (include "racktwin.dnsNames" (merge (dict "name" "ditto") $arguments) | fromJsonArray) $public) "workloads" $workloads) }}
{{- end }}
{{- if .Values.hono.enabled }}
{{- $components := list "hono-auth" "hono-registry" "hono-command-router" }}
{{- range $adapter := list "mqtt" "http" "amqp" }}
{{- if (get $.Values.hono $adapter).enabled }}{{ $components = append $components (printf "hono-%s" $adapter) }}{{ end }}
{{- end }}
{{- range $component := $components }}
{{- $more := ternary (concat $public (without (list $.Values.hono.publicHost) "")) list (has $component (list "hono-mqtt" "hono-http" "hono-amqp")) }}
{{- $_ := set $certificates $component (dict "hosts" (concat (include "racktwin.dnsNames" (merge (dict "name" $component) $arguments) | fromJsonArray) $more | uniq) "workloads" (list (printf "Deployment/%s" $component))) }}
{{- end }}
{{- end }}
{{- /* Our own processes share one, and take up a renewed one by themselves; but for the console. */}}
{{- $hosts := include "racktwin.dnsNames" (merge (dict "name" "processes") $arguments) | fromJsonArray }}
{{- $workloads := list }}
{{- if .Values.operator.enabled }}
{{- $hosts = concat $hosts (include "racktwin.dnsNames" (merge (dict "name" "definitions") $arguments) | fromJsonArray) }}
{{- end }}
{{- if .Values.console.enabled }}
{{- $hosts = concat $hosts (include "racktwin.dnsNames" (merge (dict "name" "console") $arguments) | fromJsonArray) $public }}
{{- $workloads = append $workloads "Deployment/console" }}
{{- end }}
{{- if .Values.collector.enabled }}
{{- $hosts = concat $hosts (include "racktwin.dnsNames" (merge (dict "name" "collector") $arguments) | fromJsonArray) $public }}
{{- end }}
{{- if .Values.neighbours.enabled }}
{{- range $process := list "dcim" "exporter" }}
{{- if (get $.Values.neighbours $process).enabled }}
{{- $hosts = concat $hosts (include "racktwin.dnsNames" (merge (dict "name" $process) $arguments) | fromJsonArray) $public }}
{{- end }}
{{- end }}
{{- if .Values.neighbours.dcim.enabled }}{{ $workloads = append $workloads "Deployment/dcim" }}{{ end }}
{{- end }}
{{- $_ := set $certificates "processes" (dict "hosts" (uniq $hosts) "workloads" $workloads) }}
{{- toYaml $certificates }}
{{- end -}}
