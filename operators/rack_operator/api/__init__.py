"""Resource types of `racktwin.io/v1alpha1`, the one source of the CRDs and of what the operator parses."""

GROUP = "racktwin.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
