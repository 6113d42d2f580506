"""The folder of all that is kept for the user, from notebook to notebook: nobody else may read it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from platformdirs import user_data_path

VARIABLE: Final = "MCPFLOW_DATA"
"""The environment variable that names another folder."""


def data_folder() -> Path:
    """Return the folder, made where it is not there yet, for this user alone (mode 0700).

    Raises
    ------
    OSError
        When it cannot be made.
    """
    named = os.environ.get(VARIABLE)
    folder = Path(named).absolute() if named else user_data_path("mcpflow_nb", appauthor=False)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
