"""Console: the page where operators see a site in 3D, replay its past, ask what if, and act.

One process serves the page (static files that Vite built from `web/`) and its API. It keeps no state of its own: twins
are read from Ditto and followed on ``racktwin.events.<site>``, the past is read from InfluxDB, scenarios are Kubernetes
resources, and a command is a wish on the unit's twin, which the guard decides upon. Next in the flow: a browser.
"""
