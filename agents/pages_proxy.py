"""What a browser may ask of the engines through the pages: reading, by a list of paths, on this machine.

The engines' own interfaces stand on loopback without a password, and so do these pages. A page of the web
that is open in the same browser must not reach them: a request is answered only if its Host is a loopback
name (a name of the attacker's that resolves to 127.0.0.1 is not) and if it does not come from another site.
"""

import re
import ssl
from collections.abc import Collection, Mapping, Sequence

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MAX_ANSWER = 30_000_000
"""Bytes of an engine's answer; a browser would choke on more."""
SECONDS = 20.0

ALLOWED: Mapping[str, re.Pattern[str]] = {
    "prometheus": re.compile(
        r"api/v1/(query|query_range|query_exemplars|targets|alerts|rules|labels|metadata"
        r"|label/[a-zA-Z_][a-zA-Z0-9_]*/values)"
    ),
    "alertmanager": re.compile(r"api/v2/(alerts|silences)"),
    "jaeger": re.compile(r"api/(services|operations|traces|traces/[0-9a-fA-F]{1,32})"),
}
"""By engine, the paths that may be read. None of them changes anything or shows a configuration."""

_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer."""


def refusal(host: str, site: str | None, hosts: Collection[str] = ()) -> str | None:
    """Why a request with that Host and Sec-Fetch-Site is not answered; None when it is. `hosts`: names under
    which the pages are reached besides."""
    if not _LOOPBACK.fullmatch(host) and host.partition(":")[0].lower() not in hosts:
        return "these pages are served to this machine only: open them by 127.0.0.1 or localhost"
    if site == "cross-site":
        return "these pages are not read by other sites"
    return None


def _context(ca: str, own: tuple[str, str] | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    if own:
        context.load_cert_chain(*own)
    return context


FAILURES = (httpx.HTTPError, ssl.SSLError)
"""When there is no answer. The second, as it is, where an engine refuses the own certificate only once it is
connected."""


class Proxy:
    """Reads what ALLOWED names from the engines."""

    def __init__(
        self,
        engines: Mapping[str, Sequence[str]],
        transport: httpx.AsyncBaseTransport | None = None,
        ca: str | None = None,
        own: tuple[str, str] | None = None,
    ) -> None:
        """`engines`: base URLs by name; `ca`: file of the authority whose certificates they show; `own`:
        files of the certificate that they ask for, and of its key."""
        self._engines = engines
        self._client = httpx.AsyncClient(
            timeout=SECONDS,
            trust_env=False,
            transport=transport,
            verify=_context(ca, own) if ca else True,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def read(self, request: Request) -> Response:
        """The engine's answer, or JSON with `error`."""
        engine, path = request.path_params["engine"], request.path_params["path"]
        if engine not in self._engines or not ALLOWED[engine].fullmatch(path):
            return _error(404, f"{engine}/{path} is not to be read here")
        for base in self._engines[engine]:
            try:
                return await self._read(engine, f"{base}/{path}", request)
            except FAILURES as error:
                failure = type(error).__name__
        return _error(502, f"{engine} does not answer ({failure}); see `obs status`")

    async def _read(self, engine: str, url: str, request: Request) -> Response:
        """One instance's answer; one of FAILURES where it gives none."""
        async with self._client.stream("GET", url, params=httpx.QueryParams(request.url.query)) as answer:
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    return _error(502, f"{engine} answers with more than {MAX_ANSWER} bytes: ask for less")
        kind = answer.headers.get("Content-Type", "")
        if not kind.startswith("application/json"):
            return _error(502, f"{engine} answers {answer.status_code} and no JSON: {bytes(body[:200])!r}")
        return Response(bytes(body), answer.status_code, media_type="application/json")

    async def has_page(self, engine: str) -> bool:
        """Whether the engine's build has web pages of its own; those from Go modules have none."""
        for base in self._engines[engine]:
            try:
                answer = await self._client.get(f"{base}/", timeout=2, follow_redirects=True)
            except FAILURES:
                continue
            return answer.status_code == 200 and "<script" in answer.text
        return False


def _error(status: int, text: str) -> Response:
    return JSONResponse({"status": "error", "error": text}, status_code=status)
