{{/* Names and labels. Each takes a dict: root (the chart's $), name (the component). */}}

{{/* berlin-kafka: the release and the component, so that releases do not collide. */}}
{{- define "racktwin.fullname" -}}
{{- printf "%s-%s" .root.Release.Name .name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "racktwin.site" -}}
{{- .Values.global.site | default .Release.Namespace -}}
{{- end -}}

{{- define "racktwin.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "racktwin.labels" -}}
{{ include "racktwin.selector" . }}
app.kubernetes.io/part-of: racktwin
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | default .root.Chart.Version | quote }}
{{- end -}}

{{/* metadata of an object: root, name (component), and optionally suffix, annotations (a dict) */}}
{{- define "racktwin.metadata" -}}
name: {{ include "racktwin.fullname" . }}{{ with .suffix }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "racktwin.labels" . | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* repository:tag, or repository@digest: root, image (a key of global.images) */}}
{{- define "racktwin.image" -}}
{{- $images := .root.Values.global.images -}}
{{- $image := get $images .image -}}
{{- $name := $image.repository -}}
{{- with $images.prefix }}{{ $name = printf "%s/%s" (trimSuffix "/" .) $name }}{{ end -}}
{{- if $image.digest -}}{{ $name }}@{{ $image.digest }}{{- else -}}{{ $name }}:{{ $image.tag }}{{- end -}}
{{- end -}}

{{/* The DNS names of a Service within the cluster, as a JSON list: root, name */}}
{{- define "racktwin.dnsNames" -}}
{{- $service := include "racktwin.fullname" . -}}
{{- $space := .root.Release.Namespace -}}
{{- list $service (printf "%s.%s" $service $space) (printf "%s.%s.svc" $service $space) (printf "%s.%s.svc.cluster.local" $service $space) "localhost" | toJson -}}
{{- end -}}
