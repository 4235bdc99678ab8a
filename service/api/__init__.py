"""The service over HTTP: routes, limits, problems, metrics, and the process that codes."""
