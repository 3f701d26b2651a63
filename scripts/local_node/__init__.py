"""A stand-in for the kubelet, for machines without containers: runs the pods of our own image as processes.

It watches Deployments and Jobs of all namespaces and acts on those whose containers use our image: resolves
environment and volumes from ConfigMaps and Secrets, starts, probes, restarts, rolls and stops, and writes the status
a cluster's controllers would write, so that no code of ours knows which of the two it talks to. It isolates nothing;
it is for the local stack alone.

Order of reading: `templates` (what a pod template asks for), `environment` and `volumes` (resolve it), `container`
(one process), `pods` (containers of one pod), `deployments` and `jobs` (how many pods), `status` (what to report),
`node` (the loop), `api` (Kubernetes).
"""
