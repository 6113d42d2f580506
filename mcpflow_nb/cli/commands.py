"""The commands about a saved workflow: check, run, graph, serve, trust; `cli.py` puts them on the command line.

Each prints text for people, or JSON with `--json`, and returns its exit code. To add one: a function here with a
docstring that is its help, and its name in `cli.py`.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.checking.inputs import from_texts
from mcpflow_nb.connecting.trusting import trust as trust_config
from mcpflow_nb.errors import ConfigError
from mcpflow_nb.records.covering import shown_bindings
from mcpflow_nb.running.run import Run
from mcpflow_nb.servers import connect
from mcpflow_nb.serving.replies import finite, summary
from mcpflow_nb.serving.server import SideEffects, WorkflowServer
from mcpflow_nb.serving.server import serve as serve_workflows
from mcpflow_nb.workflows.saving import load

TOKEN: Final = "MCPFLOW_TOKEN"
"""The environment variable with the bearer token, for those who want the same one every time."""

EXIT: Final = {
    "completed": 0, "failed": 1, "undone": 1, "handoff": 3, "waiting": 3, "unknown": 4, "undo_failed": 4, "cancelled": 5,
}  # fmt: skip
"""Exit codes of `run`; 1 also for whatever kept it from starting, 2 is left to wrong use."""

Flag = Annotated[bool, Parameter(negative=())]
JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]


def check(workflow: Path, *, servers: Path | None = None, this_python: Flag = False, as_json: JsonFlag = False) -> int:
    """Check a saved workflow; with servers also against what they offer. Exit code 1 when there are errors.

    Parameters
    ----------
    workflow
        A file that `save` wrote.
    servers
        A config file with `mcpServers` or `servers`.
    this_python
        `python` in the config means the interpreter that runs now.
    as_json
        Print every finding as JSON.
    """
    loaded = load(workflow)
    if servers is None:
        report = loaded.check()
    else:
        with connect(servers, this_python=this_python) as opened:
            report = loaded.check(opened)
    if as_json:
        found = [{**asdict(problem), "where": None} for problem in report]
        _print_json({"workflow": loaded.name, "valid": bool(report), "problems": found})
    else:
        print(report._repr_mimebundle_()["text/plain"])
    return 0 if report else 1


def run(
    workflow: Path, *arguments: str, servers: Path, this_python: Flag = False, messages: Flag = False,
    as_json: JsonFlag = False,
) -> int:  # fmt: skip
    """Run a saved workflow to its end or its handoff.

    Exit code 0: completed, 1: failed or not started, 3: handed over, 4: the outcome of a call is unknown, 5: cancelled.

    Parameters
    ----------
    workflow
        A file that `save` wrote.
    arguments
        The workflow's arguments, each as name=value.
    servers
        A config file with `mcpServers` or `servers`.
    this_python
        `python` in the config means the interpreter that runs now.
    messages
        Print the conversation that a client would read.
    as_json
        Print outcome, reason, bindings, steps and what is left as JSON; with --messages the messages too.
    """
    given = dict(_pair(text) for text in arguments)
    loaded = load(workflow)
    with connect(servers, this_python=this_python) as opened:
        done = loaded.start(opened, from_texts(loaded, given)).all()
    if as_json:
        _print_json(_plain(done, with_messages=messages))
    elif messages:
        for message in done.conversation():
            print(f"--- {message.role}, {message.kind}" + (f", step {message.step}" if message.step else ""))
            print(message.text or message.content)
    else:
        print(done._repr_mimebundle_()["text/plain"])
    return EXIT[done.outcome]


def graph(
    workflow: Path, *, bindings: Flag = False, dot: Flag = False, output: Path | None = None, as_json: JsonFlag = False
) -> int:
    """Show a saved workflow as a graph: its text, its DOT source, or an SVG file.

    Parameters
    ----------
    workflow
        A file that `save` wrote.
    bindings
        The data-flow graph instead of the step graph.
    dot
        Print the DOT source.
    output
        Write the drawing as SVG to this file.
    as_json
        Print text, sentence and DOT source as JSON.
    """
    loaded = load(workflow)
    made = loaded.bindings() if bindings else loaded.graph()
    if output is not None:
        print(made.save(output))
    elif as_json:
        _print_json({"workflow": loaded.name, "alt": made.alt, "text": made.text, "dot": made.dot})
    else:
        print(made.dot if dot else made.text)
    return 0


def serve(
    *workflows: Path, servers: Path, name: str = "workflows", this_python: Flag = False, http: Flag = False,
    host: str = "127.0.0.1", port: int = 0, expose: Flag = False, side_effects: SideEffects = "run", ask: Flag = False,
    offer_tools: Flag = False, as_json: JsonFlag = False,
) -> int:  # fmt: skip
    """Serve saved workflows to MCP clients as prompts and tools: over stdin and stdout, or over HTTP.

    Parameters
    ----------
    workflows
        Files that `save` wrote.
    servers
        A config file with `mcpServers` or `servers`: who runs the steps.
    name
        What the server calls itself.
    this_python
        `python` in the config means the interpreter that runs now.
    http
        Streamable HTTP until Ctrl-C. The token is printed once, unless it came from the variable MCPFLOW_TOKEN.
    host, port
        Where to listen; port 0 takes a free one.
    expose
        Allow a host that other machines can reach.
    side_effects
        What becomes of steps that may change something: run them, hand them over, or have them confirmed.
    ask
        Ask the client's user for what a handoff misses, where the connection can carry a form.
    offer_tools
        Offer the tools of the steps too, as server.tool, for the calls of a handoff.
    as_json
        With --http: print the config entry of this server as JSON, token and all.
    """
    if not workflows:
        raise ConfigError("serve needs at least one workflow file")
    with connect(servers, this_python=this_python) as opened:
        served = serve_workflows(
            [load(path) for path in workflows],
            opened,
            name,
            side_effects=side_effects,
            ask=ask,
            offer_tools=offer_tools,
        )
        if not http:
            served.stdio()
        else:
            _serve_http(served, {"host": host, "port": port, "expose": expose}, as_json=as_json)
    return 0


def trust(config: Path) -> int:
    """Let a config file start its commands, and print exactly what they are. Any change of the file asks again.

    Parameters
    ----------
    config
        A config file with `mcpServers` or `servers`.
    """
    print(trust_config(config)._repr_mimebundle_()["text/plain"])
    return 0


def _serve_http(served: WorkflowServer, place: dict[str, Any], *, as_json: bool) -> None:
    endpoint = in_io_thread(served.listen(**place, token=os.environ.get(TOKEN), say=not as_json))
    if as_json:
        _print_json(endpoint.config())
    sys.stdout.flush()
    in_io_thread(endpoint.wait())


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ConfigError(f"{text!r}: an argument is given as name=value")
    return name, value


def _plain(done: Run, *, with_messages: bool) -> dict[str, Any]:
    trace = done.trace
    plain = {
        "workflow": done.workflow.name,
        **summary(done, trace),
        "bindings": shown_bindings(done.workflow, done.bindings),
    }
    if with_messages:
        plain["messages"] = [{"role": one.role, "content": one.content} for one in trace.messages]
    return finite(plain)


def _print_json(value: Any) -> None:
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(value, ensure_ascii=not is_utf8, indent=2))
