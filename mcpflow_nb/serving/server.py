"""`mf.serve(...)`: workflows as prompts and tools of one MCP server, in memory, over stdio or over HTTP.

`prompts/get` runs the workflow and returns the conversation; the tool of the same name runs it and returns structure.
A name owns its server: serving under a name again ends the old one, so that a cell can run twice.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import anyio
import mcp.types as types
from mcp import MCPError
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from mcpflow_nb import __version__
from mcpflow_nb.bridge import arun, verb
from mcpflow_nb.checking.contracts import check
from mcpflow_nb.checking.inputs import from_texts, read_arguments
from mcpflow_nb.errors import ArgumentsError, CheckError, DefinitionError, RunError, ServeError, did_you_mean
from mcpflow_nb.running.run import Run
from mcpflow_nb.serving import offers
from mcpflow_nb.serving.http import Endpoint
from mcpflow_nb.serving.replies import RUN, finite, prompt_reply, question, refused, tool_reply
from mcpflow_nb.serving.runs import Kept, Report, Runs, reporter
from mcpflow_nb.show import Shown
from mcpflow_nb.tools.catalog import Tool
from mcpflow_nb.workflows.workflow import SequentialWorkflow

log: Final = logging.getLogger("mcpflow_nb")
SideEffects = Literal["run", "handoff", "confirm"]
_MODERN: Final = "2026-07-28"
MAX_KEY: Final = 200


class WorkflowServer(Shown):
    """Workflows served over MCP. `mcp` is the SDK's low-level Server; `http()` and `stdio()` open it to clients."""

    def __init__(
        self, workflows: Sequence[SequentialWorkflow], servers: Any, name: str, *, side_effects: SideEffects, ask: bool,
        offer_tools: bool,
    ) -> None:  # fmt: skip
        self.name = name
        self.workflows = tuple(workflows)
        self.servers = servers
        self.side_effects, self.ask = side_effects, ask or side_effects == "confirm"
        self.offer_tools = offer_tools
        self.endpoint: Endpoint | None = None
        self._by_name = {workflow.name: workflow for workflow in workflows}
        self.by_tool = {offers.tool_name(workflow): workflow for workflow in workflows}
        self._checked: dict[str, tuple[Any, ...]] = {}
        self._runs = Runs()
        self.mcp: Server[Any] = Server(
            name, version=__version__, on_list_prompts=self._prompts, on_get_prompt=self._prompt,
            on_list_tools=self._tools, on_call_tool=self._tool, on_completion=self._completion,
        )  # fmt: skip

    @property
    def url(self) -> str | None:
        """Where it is served over HTTP; None while it is not."""
        return self.endpoint.url if self.endpoint is not None else None

    async def _prompts(self, _context: Any, _params: Any) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[offers.prompt(one, self.servers) for one in self.workflows])

    async def _tools(self, _context: Any, _params: Any) -> types.ListToolsResult:
        tools = [offers.tool(one, self.servers) for one in self.workflows]
        if self.offer_tools:
            tools += [offers.passed_on(tool) for tool in self._step_tools().values()]
        return types.ListToolsResult(tools=tools)

    def _step_tools(self) -> dict[str, Tool]:
        """Return the tools of all steps as a handoff names them, `server.tool`."""
        every = (tool for one in self.workflows for tool in offers.tools_of(one, self.servers) if tool is not None)
        return {f"{tool.server}.{tool.name}": tool for tool in every}

    async def _completion(self, _context: Any, params: types.CompleteRequestParams) -> types.CompleteResult:
        name = params.ref.name if isinstance(params.ref, types.PromptReference) else ""
        workflow = self._by_name.get(name)
        found = offers.completions(workflow, params.argument.name, params.argument.value) if workflow else []
        return types.CompleteResult(completion=types.Completion(values=found))

    async def _prompt(self, context: Any, params: types.GetPromptRequestParams) -> Any:
        workflow = _known(self._by_name, params.name, "prompt")
        kept, may_ask = await self._run(context, params, workflow, extra=True)
        return (self._question(context, kept) if may_ask else None) or prompt_reply(kept.run)

    async def _tool(self, context: Any, params: types.CallToolRequestParams) -> Any:
        if self.offer_tools and params.name not in self.by_tool and params.name in self._step_tools():
            return await arun(self._pass_on(self._step_tools()[params.name], params.arguments or {}))
        workflow = _known(self.by_tool, params.name, "tool")
        try:
            kept, may_ask = await self._run(context, params, workflow, extra=False)
        except MCPError as error:
            if error.error.code == types.INVALID_PARAMS:  # a model can mend the result of a tool, not a protocol error
                return refused(error.error.message)
            raise
        return (self._question(context, kept) if may_ask else None) or tool_reply(kept.run)

    async def _pass_on(self, tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = await self.servers[tool.server].call(tool.name, arguments)
        if answer.raw is None:
            return refused(f"{tool.server}.{tool.name}: {answer.error} [{answer.status}]")
        return finite({**answer.raw, "_meta": {}, "resultType": "complete"})

    async def _run(self, context: Any, params: Any, workflow: SequentialWorkflow, *, extra: bool) -> tuple[Kept, bool]:
        """Return the run that a request asks for, as far as it goes, and whether its handoff may be asked as a form.

        Every refusal is an MCPError.
        With `extra`, arguments that are not declared are shown in the conversation and read by nobody.
        """
        try:
            return await arun(self._asked(params, workflow, reporter(context), extra=extra))
        except ArgumentsError as error:
            data = [{"argument": p.argument, "code": p.code, "message": p.message} for p in error.problems]
            refusal = MCPError(types.INVALID_PARAMS, str(error), {"problems": data})
        except (ServeError, RunError) as error:
            refusal = MCPError(types.INVALID_PARAMS, str(error))
        except CheckError as error:
            refusal = MCPError(types.INTERNAL_ERROR, str(error))
        raise refusal

    async def _asked(
        self, params: Any, workflow: SequentialWorkflow, report: Report | None, *, extra: bool
    ) -> tuple[Kept, bool]:
        key = _key(params)
        if params.request_state is not None:
            return await self._runs.go_on(params.request_state, workflow.name, params.input_responses or {}, report)
        given = dict(params.arguments or {})
        declared = {one.name for one in workflow.arguments}
        read = {name: value for name, value in given.items() if name in declared or not extra}
        arguments = read_arguments(workflow, from_texts(workflow, read) if extra else read)
        self._require_checked(workflow)

        def begin() -> Run:
            return Run(self._guarded(workflow), self.servers, arguments, given)

        return await self._runs.drive(begin, key, report), True

    def _question(self, context: Any, kept: Kept) -> types.InputRequiredResult | None:
        """Return as a form what the client's user is asked, where the connection can carry it.

        A handoff is asked about where that was wanted; a call that waits for a person, always.
        """
        run = kept.run
        is_asked = run.outcome == "waiting" or (self.ask and run.outcome == "handoff")
        if not is_asked or context.protocol_version < _MODERN:
            return None
        able = context.session.client_capabilities
        form = question(run) if able is not None and able.elicitation is not None else None
        if form is None:
            return None
        asked = {run.workflow.steps[run.position].name: form}
        return types.InputRequiredResult(input_requests=asked, request_state=self._runs.hand_over(kept))

    def _guarded(self, workflow: SequentialWorkflow) -> SequentialWorkflow:
        """Return the workflow, with steps that may change something left to the client where that was asked for."""
        workflow = workflow.model_copy(update={"breakpoints": ()})  # they are for who debugs it
        if self.side_effects == "run":
            return workflow
        hands = []
        for step in workflow.steps:
            found = self.servers.find(step.tool, step.server) if step.tool is not None else None
            reads = found is None or found.connection.only_reads(found.tool)
            hands.append(step if reads else step.model_copy(update={"handoff": True, "approve": False}))
        return workflow.model_copy(update={"steps": tuple(hands)})

    def _require_checked(self, workflow: SequentialWorkflow) -> None:
        """Check against the servers once, and again when one of them lists something else."""
        catalogs = tuple(connection.catalog for connection in self.servers.values())
        seen = self._checked.get(workflow.name, ())
        if len(seen) != len(catalogs) or any(a is not b for a, b in zip(seen, catalogs, strict=True)):
            check(workflow, self.servers).raise_if_errors()
            self._checked[workflow.name] = catalogs

    @verb
    async def http(self, *, host: str = "127.0.0.1", port: int = 0, token: str | None = None,
                   expose: bool = False) -> WorkflowServer:  # fmt: skip
        """Serve over streamable HTTP in the background until `stop()` or the end of the process; return this server.

        Parameters
        ----------
        host, port
            Where to listen; port 0 takes a free one. Anything but this machine itself needs `expose=True`.
        token
            The bearer token clients must send; a random one by default. It is printed once.

        Raises
        ------
        ServeError
            When the port is in use, or the host is open to others without `expose=True`.
        """
        await self.listen(host=host, port=port, token=token, expose=expose)
        return self

    async def listen(self, *, host: str, port: int, token: str | None, expose: bool, say: bool = True) -> Endpoint:
        """Open the endpoint, in the I/O thread, and return it; one that is open as it is asked for stays."""
        self.endpoint = await Endpoint.open(self.mcp, self.name, host, port, token, expose=expose, say=say)
        return self.endpoint

    @verb
    async def stop(self) -> None:
        """End what `http()` began."""
        if self.endpoint is not None:
            await self.endpoint.close()

    @verb
    async def stdio(self) -> None:
        """Serve this process's stdin and stdout until stdin ends."""
        if sys.stdin is None or sys.stdin.closed:
            raise ServeError("stdin is closed: there is no client to serve; an MCP client starts this command itself")
        try:
            async with stdio_server() as (reading, writing):
                await self.mcp.run(reading, writing, self.mcp.create_initialization_options())
        except* (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError) as gone:
            log.debug("the client is gone: %s", gone)

    __repr__ = Shown.__repr__


def serve(
    workflows: SequentialWorkflow | Sequence[SequentialWorkflow], servers: Any, name: str = "workflows", *,
    side_effects: SideEffects = "run", ask: bool = False, offer_tools: bool = False,
) -> WorkflowServer:  # fmt: skip
    """Offer workflows to any MCP client, each as a prompt and as a tool; opens nothing yet.

    Parameters
    ----------
    side_effects
        Serving is consent to run: `run`. With `handoff`, the client is left each step whose tool is not read-only in
        the word of a server that is trusted; with `confirm`, it is asked first where it can be, and else left the step.
    ask
        Ask the client's user for what a handoff misses, where the connection can carry a form.
    offer_tools
        Offer the tools of the steps too, as `server.tool`: the call of a handoff can be made through this server.

    Raises
    ------
    CheckError
        When a workflow has errors.
    ServeError
        When two workflows have one name.
    """
    many = (workflows,) if isinstance(workflows, SequentialWorkflow) else tuple(workflows)
    if not many or not all(isinstance(one, SequentialWorkflow) for one in many):
        raise DefinitionError("serve takes a workflow, or a list of them")
    if not hasattr(servers, "find"):
        raise DefinitionError(f"servers: give what mf.connect(...) returned, not {type(servers).__name__}")
    if side_effects not in ("run", "handoff", "confirm"):
        raise DefinitionError(f"side_effects is 'run', 'handoff' or 'confirm', not {side_effects!r}")
    names = [offers.tool_name(one) for one in many]
    if twice := [tool for tool in names if names.count(tool) > 1]:
        raise ServeError(f"two workflows would be the tool {twice[0]!r}; rename one")
    made = WorkflowServer(many, servers, name, side_effects=side_effects, ask=ask, offer_tools=offer_tools)
    for one in many:
        made._require_checked(one)
    if offer_tools and (twice := [tool for tool in names if tool in made._step_tools()]):
        raise ServeError(f"a workflow and the tool of a step would both be {twice[0]!r}; rename the workflow")
    return made


def _known(offered: Mapping[str, SequentialWorkflow], name: str, kind: str) -> SequentialWorkflow:
    if name not in offered:
        raise MCPError(types.INVALID_PARAMS, f"Unknown {kind}: {name[:200]!r}{did_you_mean(name, offered)}")
    return offered[name]


def _key(params: Any) -> str | None:
    key = (params.meta or {}).get(RUN)
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= MAX_KEY):
        raise MCPError(types.INVALID_PARAMS, f"_meta[{RUN!r}]: the run key is text of at most {MAX_KEY} characters")
    return key
