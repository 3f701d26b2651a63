"""The Racktwin operator: turns `Site` and `Rack` resources into twins in Ditto and devices in Hono.

`api` holds the resource types, `desired` what must exist (pure), `clients` how to speak to each
dependency, `reconcile` the comparison and the writing, `main` every trigger on one page.
"""
