"""OpenAPI documents of everything of ours that offers HTTP, as files: made from the code, checked by the tests.

The files lie in `racktwin_cli/openapi/`, where `racktwin openapi` reads them.
"""
