"""LangGraph: a node a step, each calling its tool as langchain-mcp-adapters loads it from one open session."""
# requires: langgraph==1.2.24 langchain-mcp-adapters==0.3.2 mcp==1.30.0

from contextlib import asynccontextmanager
from typing import Any, TypedDict

from company import LEVEL, NAME, main, session
from langchain_mcp_adapters.tools import load_mcp_tools
from langgraph.graph import END, START, StateGraph


class Made(TypedDict, total=False):
    name: str
    level: int
    employee: dict[str, Any]
    payroll: dict[str, Any]
    account: dict[str, Any]
    parcel: dict[str, Any]
    message: dict[str, Any]


def built(tools):
    async def call(tool, **arguments):
        asked = {"type": "tool_call", "id": tool, "name": tool, "args": arguments}
        return (await tools[tool].ainvoke(asked)).artifact["structured_content"]

    async def create_employee(made: Made) -> Made:
        return {"employee": await call("create_employee", name=made["name"], level=made["level"])}

    async def create_payroll(made: Made) -> Made:
        employee = made["employee"]
        given = {"employee_id": employee["employee_id"], "level": employee["level"]}
        return {"payroll": await call("create_payroll", **given)}

    async def create_account(made: Made) -> Made:
        return {"account": await call("create_account", email=made["employee"]["email"])}

    async def order_laptop(made: Made) -> Made:
        given = {"employee_id": made["employee"]["employee_id"], "payroll_id": made["payroll"]["payroll_id"]}
        return {"parcel": await call("order_laptop", **given)}

    async def send_welcome(made: Made) -> Made:
        given = {"username": made["account"]["username"], "tracking": made["parcel"]["tracking"]}
        return {"message": await call("send_welcome", **given)}

    builder, before = StateGraph(Made), START
    for step in (create_employee, create_payroll, create_account, order_laptop, send_welcome):
        builder.add_node(step.__name__, step)
        builder.add_edge(before, step.__name__)
        before = step.__name__
    builder.add_edge(before, END)
    return builder.compile()


@asynccontextmanager
async def opened(target):
    async with session(target) as client:
        graph = built({tool.name: tool for tool in await load_mcp_tools(client)})

        async def run():
            return (await graph.ainvoke({"name": NAME, "level": LEVEL}))["message"]

        yield run


if __name__ == "__main__":
    main(opened, "langgraph", "langchain-mcp-adapters")
