"""A process that runs one chunk: `python chunk_worker.py < CHUNK`; its number is in X_PID, which the servers are told."""

import os
import sys

from mcpflow_nb.mapping.chunks import run_chunk

if __name__ == "__main__":
    os.environ["X_PID"] = str(os.getpid())
    print(run_chunk(sys.stdin.read()), flush=True)
