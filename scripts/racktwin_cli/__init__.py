"""The `racktwin` command line: finds the hop where readings stop, shows and replays rejects, sizes an installation.

It works on any installation, from outside: settings from ``RACKTWIN_*``, Kubernetes from the kubeconfig. It imports
what is shared (`racktwin`) and, to fill in the settings of a local stack, `local_stack`. `main` is where it starts.
"""
