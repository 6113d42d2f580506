"""Runs that are killed, journals that break, servers that answer too late: what then becomes of the effects."""
