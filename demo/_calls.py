"""Calls to other services: one client span each, with ``traceparent``, baggage and the transaction id."""

import ssl
from collections.abc import Mapping
from typing import Any

import httpx
from opentelemetry import propagate
from opentelemetry.trace import SpanKind

from demo._context import transaction_id
from demo._faults import Faults
from demo._telemetry import mark_error, span

Json = dict[str, Any]


class DependencyError(Exception):
    """A call got no usable answer; ``name`` is the service that was called."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


class Calls:
    """The services that this one calls, by name. ``timeout`` in seconds, per call."""

    def __init__(
        self, urls: Mapping[str, str], header: str, faults: Faults, client: httpx.AsyncClient
    ) -> None:
        self._urls = dict(urls)
        self._header = header
        self._faults = faults
        self._client = client

    async def call(
        self, name: str, method: str, route: str, body: object = None, **params: str
    ) -> tuple[int, Json]:
        """Call ``route`` (a template, filled with ``params``) of service ``name``.

        Returns the status and the JSON object of the answer. Raises DependencyError when there is no answer,
        when it is not JSON, or when it is a 5xx: the caller cannot do anything else with those.
        """
        url = self._urls[name] + route.format(**params)
        parsed = httpx.URL(url)
        with span(
            f"{method} {route}",
            kind=SpanKind.CLIENT,
            http__request__method=method,
            url__full=url,
            url__template=route,
            server__address=parsed.host,
            server__port=parsed.port,
            peer__service=name,
        ) as current:
            headers = {self._header: transaction_id()}
            propagate.inject(headers)
            await self._faults.before_call(name)
            try:
                answer = await self._client.request(method, url, json=body, headers=headers)
            except (httpx.HTTPError, ssl.SSLError) as error:
                raise DependencyError(name, f"no answer ({type(error).__name__})") from error
            current.set_attribute("http.response.status_code", answer.status_code)
            if answer.status_code >= 400:
                mark_error(current, f"answered {answer.status_code}")
            if answer.status_code >= 500:
                raise DependencyError(name, f"answered {answer.status_code}")
            try:
                content = answer.json()
            except ValueError as error:
                raise DependencyError(name, "the answer is not JSON") from error
            return answer.status_code, content if isinstance(content, dict) else {"items": content}
