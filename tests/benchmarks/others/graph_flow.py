"""pydantic-graph: a step function a step, each calling its tool with pydantic-ai's MCP toolset."""
# requires: pydantic-graph==2.68.0 pydantic-ai-slim[mcp]==2.68.0 mcp==2.3.0

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from company import LEVEL, NAME, main
from pydantic_ai.mcp import MCPToolset
from pydantic_graph import GraphBuilder, StepContext


@dataclass
class Made:
    employee: dict[str, Any] = field(default_factory=dict)
    payroll: dict[str, Any] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=dict)
    parcel: dict[str, Any] = field(default_factory=dict)


g = GraphBuilder(state_type=Made, deps_type=MCPToolset, output_type=dict)


@g.step
async def create_employee(ctx: StepContext[Made, MCPToolset, None]) -> None:
    ctx.state.employee = await ctx.deps.direct_call_tool("create_employee", {"name": NAME, "level": LEVEL})


@g.step
async def create_payroll(ctx: StepContext[Made, MCPToolset, None]) -> None:
    given = {"employee_id": ctx.state.employee["employee_id"], "level": ctx.state.employee["level"]}
    ctx.state.payroll = await ctx.deps.direct_call_tool("create_payroll", given)


@g.step
async def create_account(ctx: StepContext[Made, MCPToolset, None]) -> None:
    given = {"email": ctx.state.employee["email"]}
    ctx.state.account = await ctx.deps.direct_call_tool("create_account", given)


@g.step
async def order_laptop(ctx: StepContext[Made, MCPToolset, None]) -> None:
    given = {"employee_id": ctx.state.employee["employee_id"], "payroll_id": ctx.state.payroll["payroll_id"]}
    ctx.state.parcel = await ctx.deps.direct_call_tool("order_laptop", given)


@g.step
async def send_welcome(ctx: StepContext[Made, MCPToolset, None]) -> dict:
    given = {"username": ctx.state.account["username"], "tracking": ctx.state.parcel["tracking"]}
    return await ctx.deps.direct_call_tool("send_welcome", given)


STEPS = (g.start_node, create_employee, create_payroll, create_account, order_laptop, send_welcome, g.end_node)
g.add(*(g.edge_from(one).to(after) for one, after in pairwise(STEPS)))
graph = g.build()


@asynccontextmanager
async def opened(target):
    async with MCPToolset(target) as tools:
        yield lambda: graph.run(state=Made(), deps=tools)


if __name__ == "__main__":
    main(opened, "pydantic-graph", "pydantic-ai-slim")
