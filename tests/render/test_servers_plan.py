"""What the four servers of the shipped example get: what differs from one host, to be read in a review."""

import json
from typing import Any

import pytest

from components.site import Listener
from components.spec import Spec
from stacks.loader import load
from stacks.servers import VARIABLE
from tests.render import golden
from vsi.servers.parts import HostReady
from vsi.servers.plan import plan
from vsi.servers.refusals import refusals
from vsi.servers.site import site_of


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> Spec:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("OBS_PORT_BASE", raising=False)
    return load("dev-vsi", refusals=refusals)


def _text(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"


def test_parts_of_each_host(shipped: Spec) -> None:
    planned = plan(shipped, "dev-vsi")
    parts = {}
    for unit in planned.units:
        parts[unit.id] = {
            "needs": unit.needs,
            "engines": unit.engines,
            "certificates": unit.certificates,
            "ports": unit.ports,
            "ready": unit.process.ready.url,
            "files": [path for path, _ in unit.files if not path.startswith(("rules/", "tests/", "setup/"))],
        }
    hosts = {
        part.id: part.model_dump(include={"engines", "certificates"})
        for part in planned.parts
        if isinstance(part, HostReady)
    }
    order = [part.id for part in planned.parts]
    golden.check(
        "servers-plan", {"hosts.json": _text(hosts), "order.json": _text(order), "units.json": _text(parts)}
    )


def _shown(listener: Listener) -> str:
    how = "fronted" if listener.fronted else "TLS" if listener.tls else "plain"
    return f"{listener.bind} <- {', '.join(listener.dial)} ({how})"


def test_the_site_of_each_host(shipped: Spec) -> None:
    files = {}
    for host in shipped.servers.hosts:
        site = site_of(shipped, "dev-vsi", host)
        every = {**site.listeners, **site.services}
        files[f"{host.name}.json"] = _text({name: _shown(item) for name, item in every.items()})
    golden.check("servers-sites", files)


def test_what_is_scraped(shipped: Spec) -> None:
    [prometheus] = [unit for unit in plan(shipped, "dev-vsi").units if unit.name == "prometheus"]
    scraped = {path: text for path, text in prometheus.files if path.startswith("scrape/")}
    golden.check("servers-scrapes", scraped)
