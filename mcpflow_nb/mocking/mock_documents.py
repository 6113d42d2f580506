"""What a mocked server has besides tools: resources and prompts, and what each answers."""

from __future__ import annotations

import base64
import inspect
import mimetypes
from collections.abc import Mapping
from typing import Any

import mcp.types as types
from mcp import MCPError
from mcp.shared.uri_template import InvalidUriTemplate, UriTemplate

from mcpflow_nb.errors import DefinitionError
from mcpflow_nb.mocking.behaviours import Asked, Behaviour, behaviour_of, is_failure
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


class MockedPrompt:
    """A mocked prompt: text, or a function of its arguments that returns text."""

    def __init__(self, name: str, given: Any) -> None:
        if not (isinstance(given, str) or is_failure(given) or callable(given)):
            raise DefinitionError(
                f"mock, prompt {name!r}: give text, a function or an exception, not {type(given).__name__}"
            )
        parameters = inspect.signature(given).parameters.values() if inspect.isroutine(given) else ()
        arguments = [
            types.PromptArgument(name=one.name, required=one.default is one.empty)
            for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        ]  # fmt: skip
        self.listed = types.Prompt(name=name, arguments=arguments or None)
        self._behaviour = behaviour_of((lambda **_: given) if isinstance(given, str) else given)

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
