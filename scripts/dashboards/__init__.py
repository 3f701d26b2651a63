"""Grafana dashboards as code: what operators see of a site's history.

`pages` say what each dashboard shows, `flux` writes its queries, `panels` and `frame` put them into Grafana's form,
`generate` writes the JSON files of the chart, `check` runs every query against a running InfluxDB. Next: Grafana, which
the chart provisions with these files.
"""
