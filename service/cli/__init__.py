"""The service's verbs at a shell: files in, files out."""
