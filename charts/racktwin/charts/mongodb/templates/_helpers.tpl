{{/* One command that only a working server answers; a ping needs no login */}}
{{- define "mongodb.ping" -}}
exec:
  command:
    - mongosh
    - --quiet
    - --host=localhost
    - --tls
    - --tlsCAFile=/etc/racktwin/trust/ca.crt
    - "--eval=quit(db.adminCommand('ping').ok ? 0 : 1)"
{{- end -}}
