"""FastMCP's client: the five calls by hand, no workflow at all."""
# requires: fastmcp==4.2.3 mcp==2.3.0

from contextlib import asynccontextmanager

from company import by_hand, main
from fastmcp import Client


@asynccontextmanager
async def opened(target):
    async with Client(target) as client:
        yield lambda: by_hand(client)


if __name__ == "__main__":
    main(opened, "fastmcp")
