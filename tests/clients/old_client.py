"""Makes calls with a client of `mcp` 1.x, in an environment of its own, and prints their answers as one JSON document.

{"command" or "url" and "headers", "calls"} comes on stdin.
"""

import asyncio
import json
import sys

import httpx
from mcp import ClientSession, McpError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import PromptReference


async def main(asked):
    if "url" in asked:
        async with httpx.AsyncClient(headers=asked["headers"], timeout=30) as http:
            async with streamable_http_client(asked["url"], http_client=http) as (reading, writing, _):
                return await talk(reading, writing, asked["calls"])
    command, *args = asked["command"]
    async with stdio_client(StdioServerParameters(command=command, args=args)) as (reading, writing):
        return await talk(reading, writing, asked["calls"])


async def talk(reading, writing, calls):
    async with ClientSession(reading, writing) as session:
        opened = await session.initialize()
        answers = {}
        for name, (method, params) in calls.items():
            progress = []
            try:
                result = await METHODS[method](session, params, progress)
                answers[name] = {"result": plain(result), "progress": progress}
            except McpError as error:
                answers[name] = {"error": plain(error.error)}
        names = sorted(plain(opened.capabilities))
        return {"server": {**plain(opened.serverInfo), "capabilities": names}, "answers": answers}


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


async def call_tool(session, params, progress):
    async def note(done, total, message):
        progress.append([done, total, message])

    return await session.call_tool(params["name"], params["arguments"], progress_callback=note)


METHODS = {
    "prompts/list": lambda session, params, progress: session.list_prompts(),
    "prompts/get": lambda session, params, progress: session.get_prompt(params["name"], params["arguments"]),
    "tools/list": lambda session, params, progress: session.list_tools(),
    "tools/call": call_tool,
    "completion/complete": lambda session, params, progress: session.complete(
        PromptReference(type="ref/prompt", name=params["ref"]["name"]), params["argument"]
    ),
}

if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
