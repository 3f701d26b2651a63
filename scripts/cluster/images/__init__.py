"""Container images without Docker: the files of the local stack's artefacts, with the shared libraries they are linked
to, as OCI layers in a folder that `cluster.registry` serves."""
