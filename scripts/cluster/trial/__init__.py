"""`make cluster-test`: the charts proven on real nodes, from install to uninstall, with pods and a node killed between.

`run` is the course of it; `outside` are devices beyond the cluster's edge; `observer` looks from inside, in a pod.
"""
