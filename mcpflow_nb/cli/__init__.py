"""The command `mcpflow-nb`."""
