"""Builds and fetches the real components of the local stack from ordinary package registries.

`catalogue` says what, `golang`, `maven` and `influxd` say how, `builder` does it in parallel, and `prerequisites`
checks first that the tools for it are there. Starting the components is the business of `local_stack.components`.
"""
