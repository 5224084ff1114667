"""What the environment says of proxies: for whom they are, and how programs that do not read it are told.

Downloads go through the proxy that `https_proxy`, `http_proxy` or `all_proxy` names. What listens on loopback
is never reached through one: no proxy could find it, and libraries differ in whether they know (gRPC's does
not).
"""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")
EXEMPT = ("no_proxy", "NO_PROXY")
"""Programs read one or the other, so both say the same."""
EXEMPT_GRPC = "no_grpc_proxy"
"""gRPC's C library reads this first, and knows no `*`."""


def exempt(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep loopback off every proxy, beside what the user keeps off it already."""
    own = _entries(*(environ.get(name, "") for name in EXEMPT))
    grpc = _entries(environ.get(EXEMPT_GRPC, "")) or [entry for entry in own if entry != "*"]
    everything = "*" if "*" in own else ",".join(_entries(*own, *LOOPBACK))
    return {**dict.fromkeys(EXEMPT, everything), EXEMPT_GRPC: ",".join(_entries(*grpc, *LOOPBACK))}


def _entries(*lists: str) -> list[str]:
    parts = (part.strip() for text in lists for part in text.split(","))
    return list(dict.fromkeys(part for part in parts if part))


def proxy_of(scheme: str, environ: Mapping[str, str]) -> SplitResult | None:
    """The proxy for addresses of a scheme; None if there is none. Small letters come first, as everywhere.

    `HTTP_PROXY` in capitals is left out under CGI, where a stranger may have set it."""
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"):
        if name == "HTTP_PROXY" and "REQUEST_METHOD" in environ:
            continue
        if text := environ.get(name, "").strip():
            return urlsplit(text if "://" in text else f"http://{text}")
    return None


def java_options(environ: Mapping[str, str]) -> list[str]:
    """Options by which a Java virtual machine, which reads none of the variables, takes the same way."""
    options: list[str] = []
    for scheme in ("http", "https"):
        found = proxy_of(scheme, environ)
        if found is None or not found.hostname:
            continue
        if found.scheme.startswith("socks"):
            options += [f"-DsocksProxyHost={found.hostname}", f"-DsocksProxyPort={_port(found) or 1080}"]
            continue
        options += [f"-D{scheme}.proxyHost={found.hostname}", f"-D{scheme}.proxyPort={_port(found) or 80}"]
        if found.username:
            options.append(f"-D{scheme}.proxyUser={unquote(found.username)}")
            options.append(f"-D{scheme}.proxyPassword={unquote(found.password or '')}")
    if not options:
        return []
    direct = "|".join(_pattern(entry) for entry in exempt(environ)["no_proxy"].split(","))
    # Java's own clients, the resolver of Maven 3.9 and that of Maven 4 each need to be told to look.
    look = ("connector.http", "transport.apache")
    return [
        *dict.fromkeys(options),
        f"-Dhttp.nonProxyHosts={direct}",
        *(f"-Daether.{name}.useSystemProperties=true" for name in look),
    ]


def _port(proxy: SplitResult) -> int | None:
    try:
        return proxy.port
    except ValueError:
        return None


def _pattern(entry: str) -> str:
    """An entry of `no_proxy` as Java writes it: a domain stands for all names below it."""
    host = re.sub(r":\d+$", "", entry) if entry.count(":") == 1 else entry
    if host == "*" or re.fullmatch(r"[\d.]+", host) or host == "localhost":
        return host
    if ":" in host:
        return f"[{host.strip('[]')}]"
    name = host.removeprefix("*").removeprefix(".")
    return f"{name}|*.{name}"


def argument_file(options: list[str]) -> str:
    """The text of a file that `java @FILE` reads, so that no password stands in a command line."""
    quoted = ('"' + option.replace("\\", "\\\\").replace('"', '\\"') + '"\n' for option in options)
    return "".join(quoted)
