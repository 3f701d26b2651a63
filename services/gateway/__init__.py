"""gateway: a site's devices, for as long as they are simulated, and this machine as a real one.

A fleet of simulated racks reports over one MQTT connection of the gateway's device; this machine reports what it
measures of itself, as the server it is. Both go through Hono's adapters with the credentials that the operator made.
"""
