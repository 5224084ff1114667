"""Two stacks of one machine whose loopback is guarded: Prometheus and Alertmanager of one, as they are
rendered, answer and reach each other, and nobody who has the other's certificates, or none, gets anything."""

import contextlib
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests import specs
from tests.ports import free_base
from tests.render.processes import kept
from tests.specs import unit
from tests.waiting import until
from vsi.paths import StatePaths
from vsi.plan import plan
from vsi.site import OPERATOR
from vsi.tls import renewed
from vsi.unit import HostPlan

pytestmark = pytest.mark.engine
PROGRAMS = ("prometheus", "alertmanager")
TRIES = (
    ("GET", "/metrics"),
    ("GET", "/-/healthy"),
    ("POST", "/-/reload"),
    ("GET", "/api/v1/query?query=up"),
    ("GET", "/api/v1/status/config"),
    ("POST", "/api/v1/write"),
    ("POST", "/api/v2/silences"),
    ("POST", "/api/v2/alerts"),
    ("GET", "/api/v2/alerts"),
)
"""What a neighbour would read or change."""


def _head(folder: Path) -> tuple[HostPlan, StatePaths]:
    """A stack as an apply would write it: its certificates, and the files of the two programs."""
    spec = specs.spec(
        deploy={"port_base": free_base(50), "loopback": "guarded"},
        metrics={"scrape_interval": "1s", "scrape_timeout": "1s"},
    )
    made, state = plan(spec, folder.name), StatePaths(folder)
    state.tls.mkdir(parents=True)
    for name, data in renewed({}, made.tls_names).items():
        (state.tls / name).write_bytes(data)
    for name in PROGRAMS:
        for path, text in unit(made, name).files:
            file = state.unit(name).conf / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return made, state


@contextlib.contextmanager
def _client(state: StatePaths, authority: StatePaths, name: str = "") -> Iterator[httpx.Client]:
    """Somebody who trusts a stack's authority, and shows a certificate of another's if a name is given."""
    context = ssl.create_default_context(cafile=str(authority.tls / "ca.pem"))
    if name:
        context.load_cert_chain(state.tls / f"{name}.pem", state.tls / f"{name}.key")
    with httpx.Client(verify=context, trust_env=False, timeout=10) as client:
        yield client


def test_a_neighbour_gets_nothing(tmp_path: Path, engine_program: Callable[[str, str], Path]) -> None:
    programs = [engine_program(name, name) for name in PROGRAMS]
    (ana, own), (bo, other) = (_head(tmp_path / name) for name in ("ana", "bo"))
    with contextlib.ExitStack() as stack:
        for program in programs:
            arguments = unit(ana, program.name).process.command[1:]
            data = str(own.unit(program.name).data)
            command = [str(program), *(one.replace("{data}", data) for one in arguments)]
            stack.enter_context(kept(command, own.unit(program.name).conf))
        places = [f"127.0.0.1:{unit(ana, name).ports[0]}" for name in PROGRAMS]
        _they_reach_each_other(own, *places)

        for place in places:
            for method, path in TRIES:
                plain = httpx.request(method, f"http://{place}{path}", trust_env=False)
                assert plain.status_code == 400, f"{method} {path} without TLS"
                for name in ("", *bo.tls_names):
                    with _client(other, own, name) as neighbour, pytest.raises(httpx.HTTPError):
                        neighbour.request(method, f"https://{place}{path}")


def _they_reach_each_other(own: StatePaths, prometheus: str, alertmanager: str) -> None:
    """Each is scraped, and the dead man's switch arrives."""
    with _client(own, own, OPERATOR) as client:

        def scraped() -> bool:
            asked = {"query": 'up{job=~"prometheus|alertmanager"} == 1'}
            answer = client.get(f"https://{prometheus}/api/v1/query", params=asked)
            return answer.status_code == 200 and len(answer.json()["data"]["result"]) == len(PROGRAMS)

        until(scraped, "both are scraped", 120, every=0.5)
        alerts = f"https://{alertmanager}/api/v2/alerts"
        until(lambda: client.get(alerts).json(), "an alert arrives", 120, every=0.5)
