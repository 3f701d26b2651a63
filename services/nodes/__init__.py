"""Kubernetes nodes as servers: a server whose entry in a Rack says `followsNode` reports its node's load.

Reads the metrics API (metrics.k8s.io), or each kubelet's /metrics/resource through the API server where there is no
metrics server, and sends readings of the server through Hono with the server's own login, like any device. What a
cluster does not know of its nodes (power, temperatures, fans, disks, network) does not come, and that is said. Next in
the flow: Hono, ingest.
"""
