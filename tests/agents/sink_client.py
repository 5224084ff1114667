"""The alert sink in memory, asked as its receivers are, and a notification as Slack gets it."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from agents.sink import Sink
from agents.sink_deliveries import Deliveries

TITLE = "[FIRING:2] OrdersSlow (critical) orders"
RUNBOOK = "https://runbooks.example/orders-slow"
SLACK = {
    "channel": "#shop",
    "attachments": [{"title": TITLE, "title_link": RUNBOOK, "text": "p99 above 1 s", "color": "danger"}],
}


class Client:
    """The app in this process, without a network."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://sink") as session:
                return await session.request(method, path, **options)

        return asyncio.run(send())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def delete(self, path: str) -> httpx.Response:
        return self.request("DELETE", path)


def client(folder: Path | None = None) -> Client:
    return Client(Sink(Deliveries(folder)).app())


def deliveries(sink: Client, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sink.get("/deliveries", params=query).json()["deliveries"]
    return found
