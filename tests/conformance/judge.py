"""What came of a case, and how it differs from what the case expects. A case goes through the public way in.

Messages are compared in order, with two freedoms where the measured system and this one differ on purpose: a step
without a tool may be expected to announce itself after its resources (here it always comes first), and instructions,
which the measured system never delivers, count only where a case expects one.
"""

from __future__ import annotations

from typing import Any

from mcp import Client, MCPError

import mcpflow_nb as mf
from mcpflow_nb.bridge import run as in_io_thread
from mcpflow_nb.errors import MissingValueError
from mcpflow_nb.records.messages import Message
from mcpflow_nb.values import filled
from mcpflow_nb.workflows.arguments import Argument
from mcpflow_nb.workflows.sources import Scope
from tests.conformance.cases import CaseServer, workflow

Said = tuple[str, str, str | None]


def failures(case: dict[str, Any]) -> list[str]:
    """Return what differs, `key: expected X, came Y`; a case that cannot be run says why. Never raises."""
    try:
        came = outcome(case)
    except Exception as error:  # one case that breaks must not hide the others
        return [f"expected {case.get('expect')}, came {type(error).__name__}: {error}"]
    found = []
    for key, expected in case["expect"].items():
        if not _same(key, expected, came.get(key)):
            found.append(f"{key}: expected {_shown(key, expected)}, came {_shown(key, came.get(key))}")
    return found


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    """Return what came of a case, under the keys of its `expect`."""
    if "workflow" in case:
        return _workflow_outcome(case)
    return _DATA[case["area"]](case)


def _typed_value(case: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": Argument(name="a", type=case["type"]).accept(case["text"])}
    except ValueError:
        return {"error": True}


def _path(case: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": mf.field("output", case["path"]).resolve(Scope({}, {"output": case["value"]}))}
    except MissingValueError:
        return {"error": True}


def _substitution(case: dict[str, Any]) -> dict[str, Any]:
    return {"text": filled(case["template"], case["args"])}


def _uri(case: dict[str, Any]) -> dict[str, Any]:
    made = mf.SequentialWorkflow("w").argument("doc_id", "id").step("s", resources=[case["uri"]])
    return {"ok": "bad-uri" not in made.check().codes}


_DATA = {"typed_value": _typed_value, "path": _path, "substitution": _substitution, "uri": _uri}


def _workflow_outcome(case: dict[str, Any]) -> dict[str, Any]:
    made = workflow(case["workflow"])
    codes = {problem.code for problem in made.check().errors}
    came: dict[str, Any] = {"validate": codes or "ok", "calls": [], "resource_reads": []}
    if "args" not in case:
        return came
    server = CaseServer(case)
    with mf.connect({"case": server.mcp}) as servers:
        try:
            came |= _cancelled(made, servers, case) if "cancel_after" in case else _served(made, servers, case)
        except (mf.CheckError, mf.ArgumentsError, MCPError):
            came["outcome"] = "invalid"
    return {**came, "calls": server.calls, "resource_reads": server.reads}


def _served(made: mf.SequentialWorkflow, servers: mf.Servers, case: dict[str, Any]) -> dict[str, Any]:
    """Ask for the workflow as a client does: `prompts/get`."""
    served = mf.serve(made, servers)

    async def get() -> Any:
        async with Client(served.mcp) as client:
            return await client.get_prompt(made.name, dict(case["args"]))

    result = in_io_thread(get())
    said = [
        (m.role, m.content.meta["mcpflow/kind"], m.content.meta.get("mcpflow/step"), m.content) for m in result.messages
    ]
    guidance = [content.text for _, kind, _, content in said if kind == "guidance"]
    return {
        "outcome": result.meta["mcpflow/run"]["outcome"],
        "messages": [one[:3] for one in said],
        "guidance": guidance,
    }


def _cancelled(made: mf.SequentialWorkflow, servers: mf.Servers, case: dict[str, Any]) -> dict[str, Any]:
    run = made.start(servers, dict(case["args"]))
    for _ in range(case["cancel_after"]):
        if run.outcome == "paused":
            run.step()
    run.cancel()
    told: tuple[Message, ...] = run.trace.messages
    guidance = [message.text for message in told if message.kind == "guidance"]
    return {"outcome": run.outcome, "messages": [(m.role, m.kind, m.step) for m in told], "guidance": guidance}


def _same(key: str, expected: Any, came: Any) -> bool:
    if key == "validate":
        return came == (expected if expected == "ok" else set(expected))
    if key == "messages":
        return came is not None and _same_messages([tuple(pair) for pair in expected], came)
    return _exactly(expected, came)


def _exactly(expected: Any, came: Any) -> bool:
    """Compare JSON values: 1, 1.0 and true are three."""
    if isinstance(expected, dict) and isinstance(came, dict):
        return list(expected) == list(came) and all(_exactly(expected[key], came[key]) for key in expected)
    if isinstance(expected, list) and isinstance(came, list):
        return len(expected) == len(came) and all(map(_exactly, expected, came))
    return type(expected) is type(came) and expected == came


def _same_messages(expected: list[tuple[str, ...]], came: list[Said]) -> bool:
    if ("user", "instruction") not in expected:
        came = [one for one in came if one[1] != "instruction"]
    if len(expected) != len(came):
        return False
    at = 0
    while at < len(came):
        group = 1
        if came[at][1] == "fetch":
            while at + group < len(came) and came[at + group][1:] == ("resource", came[at][2]):
                group += 1
        said, wanted = [one[:2] for one in came[at : at + group]], expected[at : at + group]
        if wanted not in (said, [*said[1:], said[0]]):
            return False
        at += group
    return True


def _shown(key: str, value: Any) -> Any:
    if key == "validate" and not isinstance(value, str):
        return sorted(value or ())
    return [tuple(one[:2]) for one in value] if key == "messages" and value else value
