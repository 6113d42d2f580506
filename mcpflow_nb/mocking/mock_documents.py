"""What a mocked server has besides tools: resources and prompts, and what each answers."""

from __future__ import annotations

import base64
import inspect
import mimetypes
import re
from collections.abc import Callable, Mapping
from typing import Any

import mcp.types as types
from mcp import MCPError
from mcp.shared.uri_template import InvalidUriTemplate, UriTemplate

from mcpflow_nb.errors import DefinitionError, did_you_mean, listed
from mcpflow_nb.mocking.behaviours import Asked, Behaviour, behaviour_of, is_failure, parameters_of
from mcpflow_nb.tools.catalog import Tool


class MockedResource:
    """A mocked resource, or a template of resources: text, bytes, a function or an exception."""

    def __init__(self, uri: str, given: Any) -> None:
        problem = None
        try:
            self.template = UriTemplate.parse(uri) if "{" in uri else None
        except InvalidUriTemplate as error:
            problem = f"it is no URI template: {error}"
        if not (isinstance(given, str | bytes) or is_failure(given) or callable(given)):
            problem = f"give text, bytes, a function or an exception, not {type(given).__name__}"
        if problem is None and callable(given) and not is_failure(given):
            problem = _misfit(given, self.template.variable_names if self.template is not None else [])
        if problem is not None:
            raise DefinitionError(f"mock, resource {uri!r}: {problem}")
        self.uri = uri
        self._behaviour = behaviour_of((lambda **_: given) if isinstance(given, str | bytes) else given)

    def match(self, uri: str) -> dict[str, Any] | None:
        """Return the variables of a URI that is this one, or None."""
        if self.template is None:
            return {} if uri == self.uri else None
        return self.template.match(uri)

    async def read(self, uri: str, variables: dict[str, Any]) -> types.ReadResourceResult:
        """Return what it answers for a URI."""
        return types.ReadResourceResult(contents=[_contents(uri, await _answered(self._behaviour, uri, variables))])


def require_uri(uri: str) -> None:
    """Return where it begins as a URI does, with a scheme, or with a mark that may be one.

    Raises
    ------
    DefinitionError
        Where not.
    """
    if not isinstance(uri, str) or not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|\{", uri):
        raise DefinitionError(f"mock, resource {uri!r}: it is no URI: begin it with a scheme, as in 'docs://policy'")


def _misfit(function: Callable[..., Any], marks: list[str]) -> str | None:
    """Return why a function cannot be called with what the marks of its URI give, or None."""
    parameters = parameters_of(function)
    by_name = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    if any(one.kind is one.POSITIONAL_ONLY and one.default is one.empty for one in parameters):
        return "its function has a positional-only parameter, and marks are given by name"
    if lacking := [one.name for one in by_name if one.default is one.empty and one.name not in marks]:
        given = f"has the marks {listed(marks)}" if marks else "has no marks"
        return f"its function needs {listed(lacking)}, and the URI {given}; name them alike"
    taken = [one.name for one in by_name]
    takes_all = any(one.kind is one.VAR_KEYWORD for one in parameters)
    if not takes_all and (unknown := [mark for mark in marks if mark not in taken]):
        return f"its function has no parameter {unknown[0]!r}, which the URI marks{did_you_mean(unknown[0], taken)}"
    return None


class MockedPrompt:
    """A mocked prompt: text, or a function of its arguments that returns text."""

    def __init__(self, name: str, given: Any) -> None:
        if not (isinstance(given, str) or is_failure(given) or callable(given)):
            raise DefinitionError(
                f"mock, prompt {name!r}: give text, a function or an exception, not {type(given).__name__}"
            )
        parameters = parameters_of(given) if inspect.isroutine(given) else ()
        arguments = [
            types.PromptArgument(name=one.name, required=one.default is one.empty)
            for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        ]  # fmt: skip
        self.listed = types.Prompt(name=name, arguments=arguments or None)
        problem = ""
        try:
            self._behaviour = behaviour_of((lambda **_: given) if isinstance(given, str) else given)
        except DefinitionError as error:
            problem = str(error).removeprefix("mock: ")
        if problem:
            raise DefinitionError(f"mock, prompt {name!r}: {problem}")

    async def get(self, arguments: Mapping[str, str]) -> types.GetPromptResult:
        """Return what it answers, as one message of the user."""
        said = await _answered(self._behaviour, self.listed.name, dict(arguments))
        if not isinstance(said, str):
            raise MCPError(types.INTERNAL_ERROR, f"the mock's prompt gave {type(said).__name__}, not text")
        return types.GetPromptResult(
            messages=[types.PromptMessage(role="user", content=types.TextContent(type="text", text=said))]
        )


async def _answered(behaviour: Behaviour, name: str, arguments: dict[str, Any]) -> Any:
    """Return an answer; whatever goes wrong is an error of the protocol, with its message."""
    try:
        return await behaviour.answer(Asked(Tool("mock", name), arguments))
    except MCPError:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - the reader's own function
        said = str(error) or type(error).__name__
    raise MCPError(types.INTERNAL_ERROR, said)


def _contents(uri: str, given: Any) -> types.TextResourceContents | types.BlobResourceContents:
    guessed = mimetypes.guess_type(uri.rpartition("/")[2])[0]  # a host is no file name to Python 3.13
    if isinstance(given, str):
        return types.TextResourceContents(uri=uri, text=given, mime_type=guessed or "text/plain")
    if isinstance(given, bytes):
        blob = base64.b64encode(given).decode("ascii")
        return types.BlobResourceContents(uri=uri, blob=blob, mime_type=guessed or "application/octet-stream")
    raise MCPError(types.INTERNAL_ERROR, f"the mock's resource gave {type(given).__name__}, not text or bytes")
