"""Burr: an action a step, each calling its tool with mcp's client."""
# requires: burr==0.42.0 mcp==2.3.0

from contextlib import asynccontextmanager
from itertools import pairwise

from burr.core import ApplicationBuilder, State, action
from company import LEVEL, NAME, main, session, structured


@action(reads=["name", "level"], writes=["employee_id", "email"])
async def create_employee(state: State, client) -> State:
    made = structured(await client.call_tool("create_employee", {"name": state["name"], "level": state["level"]}))
    return state.update(employee_id=made["employee_id"], email=made["email"], level=made["level"])


@action(reads=["employee_id", "level"], writes=["payroll_id"])
async def create_payroll(state: State, client) -> State:
    given = {"employee_id": state["employee_id"], "level": state["level"]}
    return state.update(**structured(await client.call_tool("create_payroll", given)))


@action(reads=["email"], writes=["username"])
async def create_account(state: State, client) -> State:
    return state.update(**structured(await client.call_tool("create_account", {"email": state["email"]})))


@action(reads=["employee_id", "payroll_id"], writes=["tracking"])
async def order_laptop(state: State, client) -> State:
    given = {"employee_id": state["employee_id"], "payroll_id": state["payroll_id"]}
    return state.update(**structured(await client.call_tool("order_laptop", given)))


@action(reads=["username", "tracking"], writes=["message_id"])
async def send_welcome(state: State, client) -> State:
    given = {"username": state["username"], "tracking": state["tracking"]}
    return state.update(**structured(await client.call_tool("send_welcome", given)))


STEPS = (create_employee, create_payroll, create_account, order_laptop, send_welcome)


@asynccontextmanager
async def opened(target):
    async with session(target) as client:
        names = [step.__name__ for step in STEPS]

        async def run():
            application = (
                ApplicationBuilder()
                .with_actions(**{step.__name__: step.bind(client=client) for step in STEPS})
                .with_transitions(*pairwise(names))
                .with_state(name=NAME, level=LEVEL)
                .with_entrypoint(names[0])
                .build()
            )
            *_, state = await application.arun(halt_after=[names[-1]])
            return {"message_id": state["message_id"]}

        yield run


if __name__ == "__main__":
    main(opened, "burr")
