"""A real Grafana that is given what the chart gives its own, so that `dashboards.check` can ask it and listen to it.

`provision` lays out the files, `server` runs it, `screen` asks what a browser would, `inbox` is who is told of alerts,
`told` counts what was told, `links` follows what leads elsewhere.
"""
