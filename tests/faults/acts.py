"""What the odd server is told to say: results and errors around a text that need not be JSON, and one workflow to ask it."""

from __future__ import annotations

import mcpflow_nb as mf


def result(text: str) -> dict[str, str]:
    """Answer the call with a result of this text."""
    return {"say": '{"jsonrpc":"2.0","id":@ID,"result":' + text + "}"}


def structured(text: str) -> dict[str, str]:
    """Answer the call with structured content of this text."""
    return result('{"content":[],"structuredContent":' + text + "}")


def error(text: str) -> dict[str, str]:
    """Answer the call with a JSON-RPC error of this text."""
    return {"say": '{"jsonrpc":"2.0","id":@ID,"error":' + text + "}"}


def told(method: str, params: str = "{}") -> dict[str, str]:
    """Tell the client something unasked."""
    return {"say": '{"jsonrpc":"2.0","method":"' + method + '","params":' + params + "}"}


FINE = structured('{"n": 1}')


def two_steps(seconds: float | None = 5, **fields) -> mf.SequentialWorkflow:
    """A workflow that calls the odd server, and then again with what it gave."""
    first = mf.WorkflowStep("ask", tool="odd.t", timeout=seconds, bind="x", **fields)
    return mf.SequentialWorkflow("w").step(first).step("use", tool="odd.t", args={"n": mf.from_step("x")})
