"""LlamaIndex Workflows: a step and an event a step, each calling its tool as the MCP tools load it from one open session."""
# requires: llama-index-workflows==2.26.1 llama-index-tools-mcp==0.6.0 mcp==2.3.0

from contextlib import asynccontextmanager

from company import LEVEL, NAME, main, session, structured
from llama_index.tools.mcp import McpToolSpec
from workflows import Context, Workflow, step
from workflows.events import Event, StartEvent, StopEvent


class Hired(Event):
    employee: dict


class Paid(Event):
    employee: dict
    payroll: dict


class Listed(Event):
    employee: dict
    payroll: dict
    account: dict


class Ordered(Event):
    account: dict
    parcel: dict


class Onboarding(Workflow):
    def __init__(self, tools, **more):
        super().__init__(**more)
        self.tools = tools

    async def call(self, tool, **arguments):
        return structured((await self.tools[tool].acall(**arguments)).raw_output)

    @step
    async def create_employee(self, ctx: Context, event: StartEvent) -> Hired:
        return Hired(employee=await self.call("create_employee", name=event.name, level=event.level))

    @step
    async def create_payroll(self, ctx: Context, event: Hired) -> Paid:
        employee = event.employee
        given = {"employee_id": employee["employee_id"], "level": employee["level"]}
        return Paid(employee=employee, payroll=await self.call("create_payroll", **given))

    @step
    async def create_account(self, ctx: Context, event: Paid) -> Listed:
        account = await self.call("create_account", email=event.employee["email"])
        return Listed(employee=event.employee, payroll=event.payroll, account=account)

    @step
    async def order_laptop(self, ctx: Context, event: Listed) -> Ordered:
        given = {"employee_id": event.employee["employee_id"], "payroll_id": event.payroll["payroll_id"]}
        return Ordered(account=event.account, parcel=await self.call("order_laptop", **given))

    @step
    async def send_welcome(self, ctx: Context, event: Ordered) -> StopEvent:
        given = {"username": event.account["username"], "tracking": event.parcel["tracking"]}
        return StopEvent(result=await self.call("send_welcome", **given))


@asynccontextmanager
async def opened(target):
    async with session(target) as client:
        tools = {tool.metadata.name: tool for tool in await McpToolSpec(client.session).to_tool_list_async()}
        flow = Onboarding(tools, timeout=60)

        async def run():
            return await flow.run(name=NAME, level=LEVEL)

        yield run


if __name__ == "__main__":
    main(opened, "llama-index-workflows", "llama-index-tools-mcp")
