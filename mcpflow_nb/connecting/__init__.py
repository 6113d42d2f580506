"""Servers that stay usable: how they are reached, sessions, calls, and what became of each."""
