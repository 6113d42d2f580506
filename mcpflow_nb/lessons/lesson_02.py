"""Lesson 02: servers and tools in the notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mcp import MCPError

import mcpflow_nb as mf
from mcpflow_nb.lessons.functions import called_by, gives, sent_by
from mcpflow_nb.lessons.lesson import Exercise, Lesson, Question

LIST_SCHEMA: Final = {
    "type": "object",
    "properties": {"result": {"type": "array", "items": {"type": "string"}}},
    "required": ["result"],
}
CENTS_SCHEMA: Final = {"type": "object", "properties": {"cents": {"type": "integer"}}, "required": ["cents"]}
PRICES: Final = {"ink": 900, "paper": 350, "stamps": 480}


def _market() -> Mapping[str, mf.Mock]:
    def price(item: str, pieces: int = 1) -> Any:
        if item not in PRICES:
            raise LookupError(f"we have no {item}")
        return {"cents": PRICES[item] * pieces}

    outputs = {"items": LIST_SCHEMA, "price": CENTS_SCHEMA}
    return {
        "market": mf.mock({"items": list(PRICES), "price": price}, outputs=outputs),
        "post": mf.mock({"rates": {"letter": 85}, "find_office": "round the corner"}),
        "weather": mf.mock({"now": {"degrees": 7}}, outputs={"now": {"type": "object"}}),
    }


def _trouble() -> Mapping[str, mf.Mock]:
    def closed() -> Any:
        raise MCPError(code=-32602, message="closed on Sundays")

    tools = {
        "price": {"cents": 5},
        "moon": mf.fail("we do not sell the moon"),
        "closed": closed,
        "weigh": mf.fault("wrong_type", "cents").then({"cents": 5}),
    }
    return {"market": mf.mock(tools, outputs={"weigh": CENTS_SCHEMA})}


OFFERS: Final = Exercise(
    "02.1",
    "What is there",
    criteria=(
        gives(["market.items", "market.price", "post.find_office", "post.rates", "weather.now"],
              "every tool as 'server.tool', sorted"),
        called_by(mocks=_market, when=": to look is not to call"),
    ),
    hints=(
        "Two loops, one within the other: the servers, and the tools of each.",
        "`servers` is like a dict: `for name in servers` gives the names, and so does `for tool in servers[name].tools`.",
        '`return sorted(f"{name}.{tool}" for name in servers for tool in ...)`',
    ),
    wrong="""def offers(servers):
    return sorted(tool for name in servers for tool in servers[name].tools)""",
    mocks=_market,
)  # fmt: skip

SILENT: Final = Exercise(
    "02.2",
    "Tools that do not say what they give",
    criteria=(
        gives(["post.find_office", "post.rates"], "the tools without output schema, sorted"),
        gives(["market.closed", "market.moon", "market.price"], "the same for another server", mocks=_trouble),
    ),
    hints=(
        "The function of exercise 1 with one condition more.",
        "`servers[name].tools[tool].output_schema` is `None` where a tool declares none.",
        '`sorted(f"{name}.{tool}" for name in servers for tool in servers[name].tools if ... is None)`',
    ),
    wrong="""def silent(servers):
    return sorted(f"{name}.{tool}" for name in servers for tool in servers[name].tools
                  if not servers[name].tools[tool].output_fields)""",
    mocks=_market,
)

CHEAPEST: Final = Exercise(
    "02.3",
    "Read structured results",
    criteria=(
        called_by("market.items", "market.price", "market.price", "market.price"),
        sent_by("market.price", "item", "ink", "one item of the list"),
        gives("paper", "the item that costs least"),
    ),
    hints=(
        "First ask for the items, then for the price of each one.",
        '`servers.call("market.items")` gives a list. `servers.call("market.price", {"item": item})` gives a dict with `"cents"`.',
        '`prices = {item: servers.call("market.price", {"item": item})["cents"] for item in ...}` and '
        "`return min(prices, key=prices.get)`",
    ),
    wrong="""def cheapest(servers):
    return min(servers.call("market.items"))""",
    mocks=_market,
)

OUTCOME: Final = Exercise(
    "02.4",
    "What became of a call",
    criteria=(
        gives("ok", "'ok' where there is a result", "market.price", {"item": "tea"}, mocks=_trouble),
        gives("tool_error", "the status where the tool says that it failed", "market.moon", {}, mocks=_trouble),
        gives("not_executed", "the status where the server refuses the request", "market.closed", {}, mocks=_trouble),
        gives("invalid_output", "the status where the output breaks the schema", "market.weigh", {}, mocks=_trouble),
        gives("not offered", "'not offered' where there is no such tool", "market.prize", {}, mocks=_trouble),
        called_by("market.moon", given=("market.moon", {}), mocks=_trouble, when=": a call is made once"),
    ),
    hints=(
        "One `try` with two `except`: the two classes of error that idea 4 showed.",
        "`mf.NotOfferedError` comes before anything is sent. `mf.CallError` has the word in its attribute `status`.",
        "`except mf.CallError as error:` and below it `return error.status`.",
    ),
    wrong="""def outcome(servers, tool, arguments):
    try:
        servers.call(tool, arguments)
    except mf.McpflowError:
        return "tool_error"
    return "ok\"""",
    mocks=_trouble,
)

BREAK_IT: Final = Exercise(
    "02.5",
    "Break it: a call to repair",
    criteria=(
        called_by("market.price", given=("stamps", 3)),
        sent_by("market.price", "item", "stamps", "the item that was given", given=("stamps", 3)),
        sent_by("market.price", "pieces", 3, "the number that was given, as a number", given=("stamps", 3)),
        gives(1440, "the price in cents", "stamps", 3),
    ),
    hints=(
        "Run the broken cell and read the error. Mend that, and run it again: behind each slip the next one appears.",
        "The first error knows the name that was meant. The second says which argument has the wrong type. For the third, "
        "look at what a call of `price` returns: nothing is wrapped around it.",
        '`answer = servers.call("market.price", {"item": item, "pieces": pieces})`, then one key to read.',
    ),
    wrong="""def mended(servers, item, pieces):
    return servers.call("market.price", {"item": item})["cents"]""",
    mocks=_market,
)

PREDICTIONS: Final = (
    Question(
        "02.1",
        "a",
        {
            "a": "`shop` is an object of this notebook and runs in its process; `clock` is a program of its own.",
            "b": "A command in a list starts a program. `clock` runs in that one, not in the notebook.",
            "c": "No new program is needed for `shop`: the server object is here already.",
        },
    ),
    Question(
        "02.2",
        "c",
        {
            "a": "`-> Price` says it: the fields `item` and `cents`, each with its type.",
            "b": "`-> list[str]` says it. A list is no object, so the schema has one field `result` with the list in it.",
            "c": "Its function does not say what it returns, so nothing can be declared. You learn it when you call.",
        },
    ),
    Question(
        "02.3",
        "b",
        {
            "a": "So it travels, as the raw result shows. The wrapper is taken off before you get it, for the schema says that "
            "it is only a wrapper.",
            "b": "You get the value that the function returned. The wrapper `result` is only there on the way.",
            "c": "The text is sent as well, for clients that read nothing else. Structured content goes first.",
        },
    ),
    Question(
        "02.4",
        "b",
        {
            "a": "`servers.call` sends what you give it. It is the server that knows best what its tool takes.",
            "b": "The server compared the arguments with the input schema and answered with an error. The function never ran.",
            "c": "Nothing is made up for an argument that does not fit. The call fails.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "02.1",
        "c",
        {
            "a": "A request that the server does not take at all has no result, and so no `isError` in it.",
            "b": "The connection works: an answer came, and it is a result.",
            "c": "A result came, and it says that the tool failed. Its text is for whoever called, a model too.",
        },
    ),
    Question(
        "02.2",
        "a",
        {
            "a": "The server refused the request itself, so no tool ran. It comes as an error of JSON-RPC, with a code.",
            "b": "That would be `isError`: a result which says that the tool failed.",
            "c": "That would be a schema error: there is a result, but not as declared.",
        },
    ),
    Question(
        "02.3",
        "b",
        {
            "a": "It was called, and it answered; only the answer is not as declared.",
            "b": "The tool did its work, so a second call may do the work twice. That is why the status is one of its own.",
            "c": "We know: an answer came. Without any answer the status would be `unknown`.",
        },
    ),
    Question(
        "02.4",
        "a",
        {
            "a": "It works as any other. But nobody can check beforehand that its answer has the field you want to read.",
            "b": "The output schema is optional in MCP, and many tools have none.",
            "c": "It may return anything, structured or text. It only does not say so beforehand.",
        },
    ),
    Question(
        "02.5",
        "b",
        {
            "a": "The old program is ended before the new one starts.",
            "b": "The name owns the connection: the old one is closed first, so a cell can run as often as you like.",
            "c": "It is no error: to run a cell again is what one does in a notebook.",
        },
    ),
)

LESSON: Final = Lesson(
    number="02",
    notebook="02_connect_servers.ipynb",
    exercises=(OFFERS, SILENT, CHEAPEST, OUTCOME, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)
