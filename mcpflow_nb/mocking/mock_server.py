"""A mocked server: a real MCP server in this process, that answers as it was told and keeps a log of every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mcp.types as types
from mcp import MCPError
from mcp.server.lowlevel import Server

from mcpflow_nb.connecting.calls import FAIL
from mcpflow_nb.errors import DefinitionError, NotJsonError
from mcpflow_nb.mocking.behaviours import Asked, Behaviour, ToolFailed
from mcpflow_nb.mocking.mock_documents import MockedPrompt, MockedResource
from mcpflow_nb.mocking.rules import Fault
from mcpflow_nb.show import Shown
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.values import Frozen, copied, jsonable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class MockCall:
    """One call that a mock got. `rule` says what answered, `error` what the tool reported; both in words."""

    tool: str
    arguments: Mapping[str, Any]
    rule: str
    value: Any = None
    error: str | None = None


class Mock(Shown):
    """A mocked server. `log` has every call with what answered it, `unused` what never did."""

    is_mock = True

    def __init__(
        self, tools: Sequence[Tool], answers: Mapping[str, Behaviour], resources: Mapping[str, Any],
        prompts: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.tools: dict[str, Tool] = {tool.name: tool for tool in tools}
        self.answers = {name: _held_to(self.tools[name], answer) for name, answer in answers.items()}
        self.log: list[MockCall] = []
        self.reads: list[str] = []
        self._resources = [MockedResource(uri, given) for uri, given in resources.items()]
        self._prompts = {name: MockedPrompt(name, given) for name, given in prompts.items()}
        handlers: dict[str, Any] = {"on_list_tools": self._list, "on_call_tool": self._call}
        if resources:
            handlers |= {"on_list_resources": self._list_resources, "on_read_resource": self._read}
            handlers |= {"on_list_resource_templates": self._list_templates}
        if prompts:
            handlers |= {"on_list_prompts": self._list_prompts, "on_get_prompt": self._get_prompt}
        self.mcp: Server[Any] = Server("mock", **handlers)

    @property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """What was called: tool and arguments, oldest first."""
        return [(one.tool, dict(one.arguments)) for one in self.log]

    @property
    def unused(self) -> tuple[str, ...]:
        """The rules that never had a part in an answer, as `tool: rule`; a tool that was never called is one."""
        return tuple(
            f"{name}: {label}"
            for name, answer in self.answers.items() for label, rule in answer.rules() if not rule.uses
        )  # fmt: skip

    @property
    def df(self) -> pd.DataFrame:
        """One row a call, oldest first. Columns: `tool rule` str, `arguments` dict, `value` any, `error` str or None."""
        import pandas as pd

        columns = ["tool", "arguments", "rule", "value", "error"]
        return pd.DataFrame([[getattr(one, c) for c in columns] for one in self.log], columns=columns, dtype=object)

    @property
    def reading(self) -> str:
        """What it offers besides tools, in words."""
        return f"{len(self._resources)} resources, {len(self.reads)} reads" if self._resources else ""

    async def _list(self, _context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_listed(tool) for tool in self.tools.values()])

    async def _call(self, _context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        asked = Asked(self.tools.get(params.name) or Tool("mock", params.name), dict(params.arguments or {}))
        at, value = len(self.log), None
        error: str | None = "it was not answered"
        sent = copied(asked.arguments)
        self.log.append(MockCall(params.name, sent, "", error=error))  # now: the order is that of the calls
        try:
            value, error = jsonable(await self._answer(asked, (params.meta or {}).get(FAIL))), None
        except MCPError as failure:
            error = failure.error.message
            raise
        except ToolFailed as failure:
            error = str(failure)
        except NotJsonError as failure:
            error = f"the mock's output: {failure}"
        except (Exception, SystemExit, KeyboardInterrupt) as failure:  # noqa: BLE001 - the reader's own function
            error = f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__
        finally:
            self.log[at] = MockCall(params.name, sent, " → ".join(asked.rules), value, error)
        return _succeeded(asked.tool, value) if error is None else _failed(error)

    async def _answer(self, asked: Asked, failure: Any) -> Any:
        if asked.tool.name not in self.answers:
            raise ToolFailed(f"Unknown tool: {asked.tool.name}")
        if failure is not None:
            asked.rules.append("run.fail")
            return await _faulty(failure, self.answers[asked.tool.name]).answer(asked)
        if (why := asked.tool.input_refusal(asked.arguments)) is not None:
            asked.rules.append("refused")
            raise ToolFailed(f"the arguments break the tool's input schema: {why}")
        return await self.answers[asked.tool.name].answer(asked)

    async def _list_resources(self, _context: Any, _params: Any) -> types.ListResourcesResult:
        found = [types.Resource(name=one.uri, uri=one.uri) for one in self._resources if one.template is None]
        return types.ListResourcesResult(resources=found)

    async def _list_templates(self, _context: Any, _params: Any) -> types.ListResourceTemplatesResult:
        uris = [one.uri for one in self._resources if one.template is not None]
        found = [types.ResourceTemplate(name=uri, uri_template=uri) for uri in uris]
        return types.ListResourceTemplatesResult(resource_templates=found)

    async def _read(self, _context: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        self.reads.append(params.uri)
        for resource in sorted(self._resources, key=lambda one: one.template is not None):  # an exact URI goes first
            variables = resource.match(params.uri)
            if variables is not None:
                return await resource.read(params.uri, variables)
        raise MCPError(types.INVALID_PARAMS, f"Resource not found: {params.uri}")

    async def _list_prompts(self, _context: Any, _params: Any) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[one.listed for one in self._prompts.values()])

    async def _get_prompt(self, _context: Any, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        if params.name not in self._prompts:
            raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}")
        return await self._prompts[params.name].get(params.arguments or {})

    __repr__ = Shown.__repr__


def _faulty(failure: Mapping[str, Any], answer: Behaviour) -> Behaviour:
    """Return the fault that a call carries, on top of the tool's answer, whose rules go on as if nothing were."""
    made = Fault(failure["fault"], failure["field"], None, failure["words"])
    made.rest = answer
    return made


def _held_to(tool: Tool, answer: Behaviour) -> Behaviour:
    """Return an answer whose values the tool's own output schema takes."""
    for value in answer.values():
        if (why := tool.output_refusal(_result(tool, value))) is not None:
            raise DefinitionError(
                f"mock, tool {tool.name!r}: its value breaks its output schema: {why}; mf.fault breaks on purpose"
            )
    return answer


def _listed(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name, title=tool.title or None, description=tool.description, input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=types.ToolAnnotations.model_validate(dict(tool.annotations)) if tool.annotations else None,
    )  # fmt: skip


def _structured(tool: Tool, value: Any) -> Any:
    """Return an output as structured content: in the wrapper, where the tool's schema has the SDK's."""
    is_in_it = isinstance(value, dict) and list(value) == ["result"]
    return {"result": value} if tool.is_wrapped and not is_in_it else value


def _result(tool: Tool, value: Any) -> dict[str, Any]:
    return {} if value is None else {"structuredContent": _structured(tool, value)}


def _succeeded(tool: Tool, output: Any) -> types.CallToolResult:
    if output is None:  # MCP drops a null structured result on the way; no content at all reads back as null
        return types.CallToolResult(content=[])
    text = output if isinstance(output, str) else Frozen(output).text
    content: list[Any] = [types.TextContent(type="text", text=text)]
    return types.CallToolResult(content=content, structured_content=_structured(tool, output))


def _failed(message: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=message)], is_error=True)
