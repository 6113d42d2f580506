"""Tests of notebooks and of runs, for the suite of whoever uses this package. One file each; the public names are here."""

from mcpflow_nb.testing.notebooks import NotebookError, run_notebook

__all__ = ["NotebookError", "run_notebook"]
