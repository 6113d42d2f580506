"""`python -m mcpflow_nb` is the command `mcpflow-nb`."""

from mcpflow_nb.cli import main

if __name__ == "__main__":
    main()
