"""Workflows as an MCP server: `server.py` answers requests, `offers.py` is what is listed, `replies.py` what is given."""
