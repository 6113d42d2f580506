"""`mf.mock({...})` and `mf.mock_like(...)`: a mocked server is a real MCP server in this process; no second code path.

A tool is a value (its output), a function (sync or async; it gets the arguments by name), an exception, or rules of
these (`rules.py`). An object's public methods are tools, so that a mock can remember. A resource is text, bytes, a
function or an exception; a URI with `{}` marks is a template, and its function gets them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

import jsonschema_rs

from mcpflow_nb.errors import DefinitionError, did_you_mean
from mcpflow_nb.mocking.behaviours import Asked, Behaviour, ToolFailed, behaviour_of, frozen, parameters_of
from mcpflow_nb.mocking.mock_documents import require_uri
from mcpflow_nb.mocking.mock_server import Mock
from mcpflow_nb.mocking.sampling import sample
from mcpflow_nb.tools.catalog import Catalog, Resource, Tool
from mcpflow_nb.tools.schemas import not_fetched
from mcpflow_nb.values import Frozen

ANNOTATIONS: Final = {
    "title": str, "readOnlyHint": bool, "destructiveHint": bool, "idempotentHint": bool, "openWorldHint": bool,
}  # fmt: skip
"""What a tool may say of itself. Source: MCP specification 2025-11-25, ToolAnnotations."""


class Sampled(Behaviour):
    """A value that fits the tool's output schema: the same for the same arguments."""

    label = "sample of its output schema"

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    async def _answer(self, asked: Asked) -> Any:
        if asked.tool.output_schema is None:
            raise ToolFailed(f"tool {asked.tool.name!r} declares no output schema to sample; give it an answer")
        key = f"{self.seed}/{asked.tool.name}/{Frozen(dict(sorted(asked.arguments.items()))).text}"
        return sample(asked.tool.value_schema, key, f"tool {asked.tool.name!r}")


def mock(
    tools: Any, *, schemas: Mapping[str, Mapping[str, Any]] | None = None, outputs: Mapping[str, Any] | None = None,
    annotations: Mapping[str, Mapping[str, Any]] | None = None, resources: Mapping[str, Any] | None = None,
    prompts: Mapping[str, Any] | None = None,
) -> Mock:  # fmt: skip
    """Make a mocked server: `mf.mock({"send_email": {"sent": True}})`.

    Parameters
    ----------
    tools
        Tool name to its output, a function of the arguments, an exception it fails with, or `mf.when`, `mf.sequence`,
        `mf.delay`, `mf.fail`, `mf.fault`; or an object whose public methods are the tools.
    schemas
        Tool name to an input schema; a function's own parameters are used where none is given.
    outputs
        Tool name to an output schema.
    annotations
        Tool name to annotations, as MCP has them: `{"drop": {"destructiveHint": True}}`.
    resources
        URI to text, bytes, a function, or an exception; the function of a URI with `{}` marks gets them by name.
    prompts
        Prompt name to text, or a function of its arguments that returns text.

    A function that is not async runs in a thread of its own: where steps run side by side, what such functions share
    needs a lock, or make them async.

    Raises
    ------
    DefinitionError
        When an output is no JSON value or breaks its schema, a rule comes to no end, a schema or an annotation is for no
        tool or is none, a function cannot be called by name, or a resource is nothing that can be read.
    """
    given = tools if isinstance(tools, Mapping) else _methods(tools)
    words: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("schemas", schemas or {}), ("outputs", outputs or {}), ("annotations", annotations or {}),
    )  # fmt: skip
    for what, named in words:
        if unknown := [name for name in named if name not in given]:
            raise DefinitionError(
                f"mock: {what} names {unknown[0]!r}, which is no tool of it{did_you_mean(unknown[0], given)}"
            )
    answers = {name: _answer(name, one, None) for name, one in given.items()}
    made = [
        Tool(
            "mock", name, _described(one), _schema(name, "schemas", schemas) or signature_of(one),
            _schema(name, "outputs", outputs), _annotated(name, (annotations or {}).get(name, {})),
        ) for name, one in given.items()
    ]  # fmt: skip
    for uri in resources or {}:
        require_uri(uri)
    return Mock(made, answers, resources or {}, prompts or {})


def mock_like(server: Any, answers: Mapping[str, Any] | None = None, /, *, seed: int = 0, **more: Any) -> Mock:
    """Make a mocked server with every tool of another: same schemas and annotations, each answer a sample of its schema.

    Its resources and prompts are there as well, each with a text that says that it is mocked.

    Parameters
    ----------
    server
        A connection (`servers["hr"]`) or a catalog; nothing is called on it.
    answers
        Tool name to what it answers instead of a sample, as for `mf.mock`; rules that let a call pass go on to the
        sample. Names may also be given as keywords.
    seed
        Another one gives other samples; the same one, tool and arguments give the same sample.

    Raises
    ------
    DefinitionError
        When it is not of one server, an answer is for no tool of it, or a value breaks the tool's output schema.
    """
    catalog = server if isinstance(server, Catalog) else getattr(server, "catalog", None)
    if not isinstance(catalog, Catalog):
        one = "one of the servers" if isinstance(server, Mapping) else "a connection"
        raise DefinitionError(f"mock_like: give {one}, as servers['name'], not {type(server).__name__}")
    given = {**(answers or {}), **more}
    if unknown := [name for name in given if name not in catalog.tools]:
        raise DefinitionError(f"mock_like: no tool {unknown[0]!r}{did_you_mean(unknown[0], list(catalog.tools))}")
    base = {name: Sampled(seed) for name in catalog.tools}
    made = {name: _answer(name, given[name], base[name]) if name in given else base[name] for name in catalog.tools}
    prompts = {one.name: f"A mocked prompt: {one.name}" for one in catalog.prompts}
    return Mock(list(catalog.tools.values()), made, {one.uri: _document(one) for one in catalog.resources}, prompts)


def _document(resource: Resource) -> Any:
    """Return what a mocked resource of another server answers: text that says so, with the marks of its URI."""
    said = f"A mocked resource: {resource.name or resource.uri}"
    return (lambda **marks: f"{said} {marks}") if "{" in resource.uri else said


def _answer(name: str, given: Any, base: Behaviour | None) -> Behaviour:
    """Return the answer of one tool, laid over what it answers by itself; errors begin with its name."""
    problem = ""
    try:
        made = behaviour_of(given).over(base)
    except DefinitionError as error:
        problem = str(error).removeprefix("mock: ")
    else:
        if not made.is_open:
            return made
        problem = f"after {made.label!r} nothing answers; add .then(answer)"
    raise DefinitionError(f"mock, tool {name!r}: {problem}")


def _schema(name: str, what: str, given: Mapping[str, Any] | None) -> Any:
    """Return the schema that is given for a tool, or None; one that a server could not declare is refused."""
    schema, problem = (given or {}).get(name), None
    if schema is None:
        return None
    where, is_input = f"mock, tool {name!r}: {what}", what == "schemas"
    if not isinstance(schema, Mapping):
        said = f"the type {schema.__name__}" if isinstance(schema, type) else repr(schema)[:80]
        raise DefinitionError(f'{where}: give a JSON Schema, as {{"type": "object"}}, not {said}')
    made: dict[str, Any] = frozen(where, dict(schema)).value
    if made and is_input and made.get("type") != "object":
        problem = f'it must have "type": "object", for arguments go by name, not {made.get("type")!r}'
    try:
        jsonschema_rs.validator_for(made, retriever=not_fetched)
    except jsonschema_rs.ValidationError as error:
        place = "".join(f"[{key!r}]" for key in error.instance_path)
        if not isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Referencing):  # else it is listed, not checked
            problem = problem or f"it is no JSON Schema: {place}{': ' if place else ''}{error.message[:200]}"
    if problem is not None:
        raise DefinitionError(f"{where}: {problem}")
    return made


def _annotated(name: str, given: Any) -> dict[str, Any]:
    """Return the annotations of a tool; a name that MCP does not have, or a value of another type, is refused."""
    where = f"mock, tool {name!r}: annotations"
    if not isinstance(given, Mapping):
        raise DefinitionError(
            f'{where}: give names and values, as {{"readOnlyHint": True}}, not {type(given).__name__}'
        )
    for key, value in given.items():
        if key not in ANNOTATIONS:
            raise DefinitionError(f"{where}: there is no {key!r}{did_you_mean(str(key), ANNOTATIONS)}")
        if not isinstance(value, ANNOTATIONS[key]):
            wanted = "True or False" if ANNOTATIONS[key] is bool else "text"
            raise DefinitionError(f"{where}: {key!r} is {wanted}, not {value!r}")
    return dict(given)


def _methods(given: Any) -> dict[str, Any]:
    """Return the public methods of an object by name, static ones too: the tools of a mock that remembers."""
    found = {
        name: one
        for name in ([] if isinstance(given, type) else sorted(vars(type(given))))
        if not name.startswith("_") and (inspect.ismethod(one := getattr(given, name, None)) or inspect.isfunction(one))
    }
    if not found:
        raise DefinitionError(
            f"mock: give tool names with their answers, or an object with public methods, not {given!r:.80}"
        )
    return found


def _described(given: Any) -> str:
    return (inspect.getdoc(given) if inspect.isroutine(given) else None) or "A mocked tool"


def signature_of(given: Any) -> dict[str, Any]:
    """Return the input schema of a function: its parameters' names, required where they have no default."""
    if not inspect.isroutine(given):
        return {"type": "object"}
    names: dict[str, Any] = {}
    required: list[str] = []
    for parameter in parameters_of(given):
        if parameter.kind is parameter.VAR_KEYWORD:
            return {"type": "object", "properties": names, "required": required, "additionalProperties": True}
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            names[parameter.name] = _TYPES.get(parameter.annotation, {})
            if parameter.default is parameter.empty:
                required.append(parameter.name)
    return {"type": "object", "properties": names, "required": required}


_TYPES: dict[Any, dict[str, str]] = {
    kind: {"type": word}
    for python, word in (
        (str, "string"), (int, "integer"), (float, "number"), (bool, "boolean"), (list, "array"), (dict, "object"),
    )
    for kind in (python, python.__name__)
}  # fmt: skip
