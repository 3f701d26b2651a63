{{/*
What electricity costs, for the optimiser: what racktwin.process is to be told of it (env, volumes, mounts as text;
podAnnotations), as YAML. Files of the chart's own are in a ConfigMap whose change rolls the pod; those of a ConfigMap of
others are read again by the process itself.
*/}}
{{- define "racktwin.optimiser.prices" -}}
{{- $prices := .Values.optimiser.prices }}
{{- $own := printf "%s-optimiser-prices" .Release.Name }}
{{- $env := list }}
{{- $sources := list }}
{{- range $series := list "tariff" "carbon" }}
{{- $from := get $prices $series }}
{{- if or $from.csv $from.configMap }}
{{- $file := printf "%s.csv" $series }}
{{- $key := ternary $from.key $file (ne $from.configMap "") }}
{{- $item := dict "key" $key "path" $file }}
{{- $sources = append $sources (dict "configMap" (dict "name" ($from.configMap | default $own) "items" (list $item))) }}
{{- $env = append $env (dict "name" (printf "RACKTWIN_OPTIMISER_%s_FILE" (upper $series)) "value" (printf "/etc/racktwin/prices/%s" $file)) }}
{{- end }}
{{- end }}
{{- with $prices.carbonPrice }}
{{- $env = append $env (dict "name" "RACKTWIN_OPTIMISER_CARBON_PRICE" "value" .) }}
{{- end }}
{{- $told := dict }}
{{- with $env }}
{{- $_ := set $told "env" (toYaml .) }}
{{- end }}
{{- with $sources }}
{{- $_ := set $told "volumes" (list (dict "name" "prices" "projected" (dict "defaultMode" 0440 "sources" .)) | toYaml) }}
{{- $_ := set $told "mounts" (list (dict "name" "prices" "mountPath" "/etc/racktwin/prices" "readOnly" true) | toYaml) }}
{{- end }}
{{- if or $prices.tariff.csv $prices.carbon.csv }}
{{- $_ := set $told "podAnnotations" (dict "racktwin.io/settings" (printf "%s|%s" $prices.tariff.csv $prices.carbon.csv | sha256sum)) }}
{{- end }}
{{- toYaml $told }}
{{- end -}}
