"""`mf.adopt_session(path)`: what other recorders wrote, as a cassette of ours.

Each of them keeps the JSON-RPC messages of a session. To add one: a reader that gives them as `Said`, with how its files
are told from others, in `READERS`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from mcpflow_nb.connecting.calls import refused
from mcpflow_nb.connecting.listing import judged
from mcpflow_nb.errors import LoadError
from mcpflow_nb.masking import Masks
from mcpflow_nb.recording.cassette import FORMAT, FORMAT_VERSION, Cassette, file_of
from mcpflow_nb.recording.redaction import masked_interaction
from mcpflow_nb.tools.catalog import Catalog, Prompt, Resource, Tool

UNANSWERED: Final = "no answer was recorded"
NEWEST_MCP_CASSETTE: Final = 3
_LISTS: Final = {
    "tools/list": "tools", "resources/list": "resources", "resources/templates/list": "resourceTemplates",
    "prompts/list": "prompts",
}  # fmt: skip


class Said(NamedTuple):
    """One JSON-RPC message of a session; `server` is None where the file does not say it."""

    server: str | None
    is_sent: bool
    message: Mapping[str, Any]


def adopt_session(path: str | os.PathLike[str], *, server: str | None = None) -> Cassette:
    """Return the session that another recorder wrote, as a cassette with its secrets masked by name.

    Reads mcp-rec (JSON lines), mcp-recorder 1.x, mcp-cassette up to version 3, and mcporter (NDJSON); which it is, is told
    by the content. `server` names the server; by default the file's name for it, or what the server called itself.

    Raises
    ------
    LoadError
        When it is none of them, damaged, or newer than what is known.
    """
    file = file_of(path, "session")
    problem = ""
    try:
        documents = _documents(file.read_text("utf-8-sig"))
        if len(documents) == 1 and FORMAT in documents[0]:
            return Cassette.load(file)
        for reader in READERS.values():
            if documents and reader.is_its(documents[0]):
                said = [one for document in documents for one in reader.read(document)]
                return _cassette(said, server, file)
        problem = f"it is of no known recorder; known: {', '.join(READERS)}"
    except OSError as error:
        problem = error.strerror or str(error)
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        problem = str(error) if isinstance(error, LoadError) else f"not as its recorder writes: {error}"
    raise LoadError(f"session {file.name}: {problem}")


def _documents(text: str) -> list[dict[str, Any]]:
    """Return the one JSON document of a text, or the JSON document of each of its lines."""
    try:
        found = [json.loads(text)]
    except ValueError:
        found = []
        for number, line in enumerate(text.split("\n"), 1):
            try:
                found += [json.loads(line)] if line.strip() else []
            except ValueError as error:
                raise LoadError(f"line {number} is not JSON: {error}") from None
    return [document if isinstance(document, dict) else {} for document in found]


def _mcp_rec(line: dict[str, Any]) -> Iterator[Said]:
    yield Said(None, line["dir"] == "client->server", line["msg"])


def _mcporter(line: dict[str, Any]) -> Iterator[Said]:
    about = line["_meta"]
    if about["dir"] != "lifecycle":
        message = {key: item for key, item in line.items() if key != "_meta"}
        yield Said(about["server"], about["dir"] == "send", message)


def _mcp_cassette(document: dict[str, Any]) -> Iterator[Said]:
    version = document["format_version"]
    if not isinstance(version, int) or version > NEWEST_MCP_CASSETTE:
        raise LoadError(f"mcp-cassette format {version!r}; up to {NEWEST_MCP_CASSETTE} is known: update mcpflow_nb")
    for one in document["messages"]:
        if isinstance(one["payload"], dict):
            yield Said(None, one["sender"] == "client", one["payload"])


def _mcp_recorder(document: dict[str, Any]) -> Iterator[Said]:
    if str(document["version"]).split(".")[0] != "1":
        raise LoadError(f"mcp-recorder format {document['version']!r}; 1.x is known: update mcpflow_nb")
    for one in document["interactions"]:
        if one["request"] is not None:
            yield Said(None, True, one["request"])
        if one["response"] is not None:
            yield Said(None, False, one["response"])


class Reader(NamedTuple):
    """One recorder: how the first document of its files is known, and the messages of each document."""

    is_its: Callable[[dict[str, Any]], bool]
    read: Callable[[dict[str, Any]], Iterator[Said]]


READERS: Final[dict[str, Reader]] = {
    "mcp-rec": Reader(lambda first: "dir" in first and "msg" in first, _mcp_rec),
    "mcp-recorder": Reader(lambda first: "interactions" in first and "version" in first, _mcp_recorder),
    "mcp-cassette": Reader(lambda first: "messages" in first and "format_version" in first, _mcp_cassette),
    "mcporter": Reader(lambda first: first.get("jsonrpc") == "2.0" and "dir" in first.get("_meta", {}), _mcporter),
}


def _cassette(said: list[Said], given: str | None, file: Path) -> Cassette:
    """Return the messages as interactions, each request with its answer, and what each server listed."""
    asked: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    waiting: dict[tuple[str, Any], dict[str, Any]] = {}
    fallback = given or _own_name(said) or file.stem
    for one in said:
        name = given or one.server or fallback
        key = (name, json.dumps(one.message.get("id")))
        if one.is_sent and "method" in one.message and "id" in one.message:
            waiting[key] = {}
            asked.append((name, dict(one.message), waiting[key]))
        elif not one.is_sent and key in waiting and ("result" in one.message or "error" in one.message):
            waiting.pop(key).update(one.message)
    interactions = [made for one in asked if (made := _interaction(*one)) is not None]
    plain = {FORMAT: FORMAT_VERSION, "interactions": interactions, "workflows": {}, "servers": {}}
    masks = Masks()
    masks.learn(interactions)
    checked = [masked_interaction(one, masks) for one in Cassette.from_saved(plain, file.name)]
    catalogs = {name: _catalog(name, asked) for name in dict.fromkeys(name for name, _, _ in asked)}
    return Cassette(checked, catalogs, name=file.name)


def _own_name(said: list[Said]) -> str | None:
    infos = (one.message["result"].get("serverInfo") for one in said if isinstance(one.message.get("result"), dict))
    return next((str(info["name"]) for info in infos if isinstance(info, dict) and info.get("name")), None)


def _interaction(server: str, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any] | None:
    """Return a call or a reading as a cassette's file has it; None for any other request."""
    params = request.get("params") or {}
    if request["method"] == "tools/call":
        made = {"kind": "call", "server": server, "name": params["name"], "arguments": params.get("arguments") or {}}
    elif request["method"] == "resources/read":
        made = {"kind": "read", "server": server, "name": params["uri"]}
    else:
        return None
    if "error" in answer:
        said = refused(answer["error"])
        status = said.status if made["kind"] == "call" else "resource_error"
        return made | {"status": status, "error": said.error, "protocol_error": answer["error"]}
    if "result" not in answer:
        return made | {"status": "unknown", "error": UNANSWERED}
    raw = answer["result"]
    asks = raw.get("resultType") == "input_required"
    return made | {"status": "needs_input" if asks else "tool_error" if raw.get("isError") else "ok", "raw": raw}


def _catalog(server: str, asked: list[tuple[str, dict[str, Any], dict[str, Any]]]) -> Catalog:
    """Return what a server listed; a tool that was called and never listed takes anything."""
    listed: dict[str, list[Any]] = {part: [] for part in _LISTS.values()}
    called, reads = [], False
    for _, request, answer in (one for one in asked if one[0] == server):
        method, result = request["method"], answer.get("result") or {}
        if method in _LISTS:
            listed[_LISTS[method]] += [item for item in result[_LISTS[method]] if item not in listed[_LISTS[method]]]
        called += [request["params"]["name"]] if method == "tools/call" else []
        reads = reads or method == "resources/read" or "resources" in result.get("capabilities", {})
    tools, rejected = judged(server, listed["tools"])
    unlisted = {name: Tool(server, name) for name in called if name not in tools and name not in rejected}
    resources = [
        Resource(server, str(one.get("uri") or one["uriTemplate"]), str(one["name"]), one.get("description") or "",
                 one.get("mimeType") or "")
        for one in (*listed["resources"], *listed["resourceTemplates"])
    ]  # fmt: skip
    prompts = [
        Prompt(server, one["name"], one.get("description") or "",
               tuple(a["name"] + ("" if a.get("required") else "?") for a in one.get("arguments") or ()))
        for one in listed["prompts"]
    ]  # fmt: skip
    return Catalog({**tools, **unlisted}, tuple(resources), tuple(prompts), rejected, has_resources=reads)
