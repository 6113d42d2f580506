"""The command `mcpflow-nb`."""

from mcpflow_nb.cli.entry import main as main
