{{/*
The NetworkPolicy of one component: root, name, and
  ingress: list of {port, from: [components]}, {port, clients: true, from: [components]} (global.networkPolicies.clients and, where
           those are named, the release's own as well), {port, monitoring: true} (without a port: that of `port`, or health),
           {port, peers: [peers as they stand in a policy]}
  egress:  list of {port, to: [components]}
  api:     whether it calls the Kubernetes API
  outside: whether it may need something outside the namespace (external services, models' addresses)
Everybody may ask the name service. The default-deny policy of the umbrella chart does the rest.
*/}}
{{- define "racktwin.networkPolicy" -}}
{{- $policies := .root.Values.global.networkPolicies -}}
{{- if $policies.enabled }}
{{- $root := .root }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "racktwin.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels: {{- include "racktwin.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- range .ingress }}
    {{- if .monitoring }}
    {{- $port := .port | default ($.port | default "health") }}
    {{- with $policies.monitoring }}
    - ports: [{port: {{ $port }}, protocol: TCP}]
      from: {{- toYaml . | nindent 8 }}
    {{- end }}
    {{- else }}
    - ports: [{port: {{ .port }}, protocol: TCP}]
      {{- if .clients }}
      {{- $own := .from }}
      {{- with $policies.clients }}
      from:
        {{- toYaml . | nindent 8 }}
        {{- include "racktwin.peers" (dict "root" $root "names" ($own | default list)) | nindent 8 }}
      {{- end }}
      {{- else if .peers }}
      from: {{- toYaml .peers | nindent 8 }}
      {{- else }}
      from:
        {{- include "racktwin.peers" (dict "root" $root "names" .from) | nindent 8 }}
      {{- end }}
    {{- end }}
    {{- else }}
    []
    {{- end }}
  egress:
    - ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
    {{- if .api }}
    # The API server has no pod that could be selected.
    - ports: [{port: 443, protocol: TCP}, {port: 6443, protocol: TCP}]
    {{- end }}
    {{- range .egress }}
    - ports: [{port: {{ .port }}, protocol: TCP}]
      to:
        {{- include "racktwin.peers" (dict "root" $root "names" .to) | nindent 8 }}
    {{- end }}
    {{- if .outside }}
    {{- with $policies.egress }}
    - to: {{- toYaml . | nindent 8 }}
    {{- else }}
    - {}
    {{- end }}
    {{- end }}
{{- end }}
{{- end -}}

{{/* Pods of components of this release; `models` are those that the operator makes. */}}
{{- define "racktwin.peers" -}}
{{- $names := without .names "models" }}
{{- if $names }}
- podSelector:
    matchLabels: {app.kubernetes.io/instance: {{ .root.Release.Name }}}
    matchExpressions:
      - {key: app.kubernetes.io/name, operator: In, values: {{ toJson $names }}}
{{- end }}
{{- if has "models" .names }}
- podSelector:
    matchExpressions:
      - {key: app.kubernetes.io/name, operator: In, values: [racktwin-model, racktwin-scenario, racktwin-training]}
{{- end }}
{{- end -}}
