"""What pytest must know: these programs are started by a test, one of them by another environment's Python."""

collect_ignore_glob = ["*.py"]
