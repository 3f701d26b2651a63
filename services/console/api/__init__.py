"""Routes of the console's API, one module for each subject. All are documented by OpenAPI at ``/api/openapi.json``."""
