"""A config file of servers: `mcpServers` (most clients) and `servers` (VS Code) are read; nothing is started."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from mcpflow_nb.errors import ConfigError
from mcpflow_nb.exact import once
from mcpflow_nb.workflows.saving import MAX_BYTES


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the servers of a config file by name, as they stand there; nothing is started.

    Raises
    ------
    ConfigError
        When the file is not JSON, or has no `mcpServers` and no `servers`.
    """
    file = Path(path)
    problem = None
    try:
        if (size := file.stat().st_size) > MAX_BYTES:
            problem = f"{size:,} bytes; a config file has at most {MAX_BYTES:,}"
        else:
            document = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=once)
    except OSError as error:
        problem = error.strerror or str(error)
    except (ValueError, RecursionError) as error:
        problem = f"not JSON: {error}"
    if problem:
        raise ConfigError(f"{file.name}: {problem}")
    servers = document.get("mcpServers", document.get("servers")) if isinstance(document, dict) else None
    if not isinstance(servers, dict):
        raise ConfigError(f'{file.name}: it has neither "mcpServers" nor "servers"')
    return dict(servers)


def with_this_python(config: Any) -> Any:
    """Return a server of a config file whose command `python` or `python3` is the interpreter that runs now."""
    if isinstance(config, dict) and config.get("command") in ("python", "python3"):
        return {**config, "command": sys.executable}
    return config
