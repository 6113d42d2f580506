"""The stepper in a notebook: a picture of the run that is saved with the notebook, and under it the controls.

Two outputs, because a notebook that is opened again without a kernel shows nothing of a widget but a broken line.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets
from IPython import display as ipython_display
from IPython.core.getipython import get_ipython

from mcpflow_nb.checking.contracts import check
from mcpflow_nb.stepper.controller import Controller
from mcpflow_nb.stepper.lines import clean
from mcpflow_nb.stepper.unbegun import Unbegun

HERE: Final = Path(__file__).parent
SNAPSHOT_SECONDS: Final = 0.3
"""How long after a change the picture is drawn again: many changes are drawn once."""
CLOSED: Final = {
    "text/plain": "Controls closed. run.stepper() shows them again.",
    "text/html": "<p>Controls closed. <code>run.stepper()</code> shows them again.</p>",
}
NEEDS: Final = "The controls need a running kernel: run this cell again."
"""What stands in the place of the controls where there is none."""

display: Final[Any] = ipython_display.display
update_display: Final[Any] = ipython_display.update_display

_controllers: Final[weakref.WeakSet[Controller]] = weakref.WeakSet()


class Stepper(anywidget.AnyWidget):
    """The controls of a run. `view` is what they show, `controller` does what they ask for, `shortcuts` turns keys on."""

    _esm = HERE / "stepper.js"
    _css = HERE / "stepper.css"
    view = traitlets.Dict().tag(sync=True)
    shortcuts = traitlets.Bool(True).tag(sync=True)

    def __init__(self, controller: Controller, *, shortcuts: bool = True) -> None:
        self.controller = controller
        self._shown: list[str] = []
        self._drawn: Any = None
        self._timer: threading.Timer | None = None
        self._is_open = True
        super().__init__(view=controller.view(), shortcuts=shortcuts)
        controller.listeners.append(self._take)
        self.on_msg(self._pressed)

    def __repr__(self) -> str:
        return f"<Stepper of {clean(repr(self.controller.run), 160)}>"

    @property
    def run(self) -> Any:
        """The run that is stepped: after a fork, the fork; None as long as its arguments are not given."""
        return None if isinstance(self.controller.run, Unbegun) else self.controller.run

    def _pressed(self, _widget: Any, command: Any, _buffers: Any) -> None:
        if isinstance(command, dict) and self._is_open:
            self.controller.do(command)

    def _take(self, view: dict[str, Any]) -> None:
        self.view = view
        state = (view.get("version"), view.get("run"))
        if self._shown and state != self._drawn and self._timer is None:
            self._drawn = state
            self._timer = threading.Timer(SNAPSHOT_SECONDS, self._draw)
            self._timer.daemon = True
            self._timer.start()

    def _draw(self) -> None:
        """Draw the picture again in every output it stands in, so that the saved notebook shows the last state."""
        self._timer = None
        bundle = self.controller.run._repr_mimebundle_()
        for shown in self._shown:
            update_display(bundle, display_id=f"{shown}-picture", raw=True)

    def _ipython_display_(self) -> None:
        if get_ipython() is None:
            display(self.controller.run._repr_mimebundle_(), raw=True)
            return
        shown = f"mcpflow-{secrets.token_hex(8)}"
        display(self.controller.run._repr_mimebundle_(), raw=True, display_id=f"{shown}-picture")
        made = self._repr_mimebundle_()
        data, metadata = made if isinstance(made, tuple) else (made, {})
        data = {**(data or {}), "text/plain": NEEDS}
        display(data, metadata=metadata, raw=True, display_id=f"{shown}-controls")
        self._shown.append(shown)

    def close(self) -> None:
        """Take the controls away; the picture of the run stays, and a line says how to show them again."""
        if getattr(self, "_is_open", False):
            self._is_open = False
            with contextlib.suppress(ValueError):
                self.controller.listeners.remove(self._take)
            if self._timer is not None:
                self._timer.cancel()
            if self._shown:
                self._draw()
            for shown in self._shown:
                update_display(CLOSED, display_id=f"{shown}-controls", raw=True)
            self._shown = []
        super().close()


def controller_of(run: Any) -> Controller:
    """Return the controller of a run: the one that is there, so that two views of one run stay in step."""
    found = next((one for one in list(_controllers) if one.run is run), None)
    if found is None:
        found = Controller(run)
        _controllers.add(found)
    return found


def stepper(run: Any, *, shortcuts: bool = True) -> Stepper:
    """Return the controls of a run; as the last line of a cell they are shown, under a picture of the run."""
    return Stepper(controller_of(run), shortcuts=shortcuts)


def workflow_stepper(workflow: Any, servers: Any, given: Mapping[str, Any], *, shortcuts: bool = True) -> Stepper:
    """Return the controls of a new run; where it lacks arguments, with a form for them."""
    check(workflow, servers).raise_if_errors()
    asks = [one for one in workflow.arguments if one.name not in given and (one.required or not given)]
    run = Unbegun(workflow, servers, given) if asks else workflow.start(servers, given)
    return Stepper(controller_of(run), shortcuts=shortcuts)
