"""Workflows: frozen data, the sources of their values, and how they are written as JSON and as Python."""
