"""This package: the workflow as data, checked before every run, every step of it in the trace."""

from contextlib import asynccontextmanager

from company import LEVEL, NAME, main

import mcpflow_nb as mf

ONBOARD = (
    mf.SequentialWorkflow("onboard")
    .argument("name").argument("level", type=int)
    .step("create_employee", tool="company.create_employee", bind="employee",
          args={"name": mf.prompt_arg("name"), "level": mf.prompt_arg("level")})
    .step("create_payroll", tool="company.create_payroll", bind="payroll",
          args={"employee_id": mf.field("employee", "employee_id"), "level": mf.field("employee", "level")})
    .step("create_account", tool="company.create_account", bind="account", args={"email": mf.field("employee", "email")})
    .step("order_laptop", tool="company.order_laptop", bind="parcel",
          args={"employee_id": mf.field("employee", "employee_id"), "payroll_id": mf.field("payroll", "payroll_id")})
    .step("send_welcome", tool="company.send_welcome", bind="message",
          args={"username": mf.field("account", "username"), "tracking": mf.field("parcel", "tracking")})
)  # fmt: skip


@asynccontextmanager
async def opened(target):
    servers = await mf.connect.aio(company=target)

    async def run():
        made = await ONBOARD.start(servers, {"name": NAME, "level": LEVEL}).all.aio()
        assert len(made.trace) == 5
        return made["message"]

    yield run
    await servers.close.aio()


if __name__ == "__main__":
    main(opened, "mcpflow-nb")
