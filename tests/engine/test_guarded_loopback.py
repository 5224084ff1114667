"""Two stacks of one machine whose loopback is guarded: Prometheus, Alertmanager, the collector, a service and
the sink of one, as they are rendered, answer and reach each other, and nobody who has the other's
certificates or password, or none, gets anything."""

import contextlib
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from components.site import Site
from tests import specs
from tests.ports import free_base
from tests.render.processes import kept
from tests.specs import unit
from tests.waiting import until
from vsi.paths import StatePaths
from vsi.plan import plan
from vsi.site import OPERATOR, local_site
from vsi.tls import renewed
from vsi.unit import HostPlan

pytestmark = pytest.mark.engine
REPO = Path(__file__).parents[2]
PROGRAMS = {"prometheus": "prometheus", "alertmanager": "alertmanager", "collector": "otelcol"}
"""Program -> its engine, and the name of what is run."""
OURS = ("payments", "sink")
"""What is run by Python."""
SCRAPED = "prometheus|alertmanager|collector|collector-spanmetrics|payments|sink"
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
    ("POST", "/v1/traces"),
    ("POST", "/v1/logs"),
    ("POST", "/v1/metrics"),
)
"""What a neighbour would read or change: with no certificate and with that of people all of it, with those of
programs the first."""


def _head(folder: Path) -> tuple[Site, HostPlan, StatePaths]:
    """A stack as an apply would write it: its certificates, and the files of the programs."""
    spec = specs.spec(
        deploy={"port_base": free_base(50), "loopback": "guarded"},
        metrics={"scrape_interval": "1s", "scrape_timeout": "1s"},
    )
    made, state = plan(spec, folder.name), StatePaths(folder)
    state.tls.mkdir(parents=True)
    (state.secrets / "opensearch-collector").write_text("no store is there", encoding="utf-8")
    for name, data in renewed({}, made.tls_names).items():
        (state.tls / name).write_bytes(data)
    (state.secrets / "loopback").write_text(f"the word of {folder.name}", encoding="utf-8")
    for name in (*PROGRAMS, *OURS):
        state.unit(name).data.mkdir(parents=True, exist_ok=True)
        for path, text in unit(made, name).files:
            file = state.unit(name).conf / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return local_site(spec), made, state


@contextlib.contextmanager
def _client(state: StatePaths, authority: StatePaths, name: str = "") -> Iterator[httpx.Client]:
    """Somebody who trusts a stack's authority, and shows a certificate of another's if a name is given."""
    context = ssl.create_default_context(cafile=str(authority.tls / "ca.pem"))
    if name:
        context.load_cert_chain(state.tls / f"{name}.pem", state.tls / f"{name}.key")
    with httpx.Client(verify=context, trust_env=False, timeout=10) as client:
        yield client


def test_a_neighbour_gets_nothing(tmp_path: Path, engine_program: Callable[[str, str], Path]) -> None:
    programs = {name: engine_program(engine, engine) for name, engine in PROGRAMS.items()}
    (site, ana, own), (_, bo, other) = (_head(tmp_path / name) for name in ("ana", "bo"))
    places = [
        site.dial(name)
        for name, listener in site.listeners.items()
        if listener.asks and name.startswith(tuple(PROGRAMS))
    ]
    places.append(site.services["payments"].dial[0])
    assert len(places) == 10
    with contextlib.ExitStack() as stack:
        for name, program in programs.items():
            arguments = unit(ana, name).process.command[1:]
            data = str(own.unit(name).data)
            command = [str(program), *(one.replace("{data}", data) for one in arguments)]
            stack.enter_context(kept(command, own.unit(name).conf))
        for name in OURS:
            command = [sys.executable, *unit(ana, name).process.command[1:]]
            stack.enter_context(kept(command, own.unit(name).conf, {"PYTHONPATH": str(REPO)}))
        _they_reach_each_other(site, own)

        for place in places:
            for name in ("", *bo.tls_names):
                with _client(other, own, name) as neighbour:
                    for method, path in TRIES if name in ("", OPERATOR) else TRIES[:1]:
                        with pytest.raises(httpx.HTTPError):
                            neighbour.request(method, f"https://{place}{path}")
            with _client(other, own) as neighbour:
                for method, path in TRIES:
                    with contextlib.suppress(httpx.HTTPError):  # where HTTP/2 alone is spoken
                        plain = neighbour.request(method, f"http://{place}{path}")
                        assert plain.status_code == 400, f"{method} {path} without TLS"
        for word in (None, ("obs", "the word of bo")):
            with _client(other, own) as neighbour:
                for method, path in TRIES:
                    told = neighbour.request(method, f"{site.url('sink')}{path}", auth=word)
                    assert told.status_code == 401, f"{method} {path} of the sink"


def _they_reach_each_other(site: Site, own: StatePaths) -> None:
    """Each is scraped, the dead man's switch arrives, and spans are taken."""
    with _client(own, own, OPERATOR) as client:

        def scraped() -> bool:
            asked = {"query": f'up{{job=~"{SCRAPED}"}} == 1'}
            answer = client.get(f"{site.url('prometheus')}/api/v1/query", params=asked)
            return answer.status_code == 200 and len(answer.json()["data"]["result"]) == 6

        until(scraped, "all are scraped", 120, every=0.5)
        uptime = {"query": 'otelcol_process_uptime_seconds_total{job="collector"}'}

        def told() -> list[dict[str, dict[str, str]]]:
            answer = client.get(f"{site.url('prometheus')}/api/v1/query", params=uptime)
            return list(answer.json()["data"]["result"])

        until(told, "the collector tells of itself", 60, every=0.5)
        (series,) = told()
        assert not {"exported_job", "exported_instance", "service_instance_id"} & set(series["metric"])
        alerts = f"{site.url('alertmanager')}/api/v2/alerts"
        until(lambda: client.get(alerts).json(), "an alert arrives", 120, every=0.5)
        spans = client.post(f"{site.url('collector-otlp-http')}/v1/traces", json={"resourceSpans": []})
        assert spans.status_code == 200
