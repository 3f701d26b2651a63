"""A real Kubernetes cluster on one Linux machine without Docker, and the proof of the charts on it.

Each node is a process tree in network, mount, uts, ipc and pid namespaces of its own, with containerd, kubelet and
kube-proxy; the control plane, a registry and the images are made here too. `cli` is the front, `cluster` brings it up,
`trial` is `make cluster-test`. With Docker and kind at hand, `kind` takes the place of the nodes.
"""
