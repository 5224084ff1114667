"""What real engines have loaded, held against what was wanted: their own forms of it count as the same."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from components.render import alertmanager, prometheus
from components.render.text import texts
from components.rules import files
from obs.verify.checks_loaded import ROUTES_LOADED, RULES_LOADED
from obs.verify.clients import Clients
from obs.verify.context import Context, WallClock
from obs.verify.report import Result
from obs.verify.runner import run_check
from tests.ports import free_base
from tests.render.engines import alertmanager_command, program, write
from tests.render.processes import started
from tests.sites import at_base
from tests.specs import spec
from tests.verify.fakes import World

pytestmark = pytest.mark.engine
OF = spec()


@dataclass
class Engines:
    """Both of them, and the folders that they read."""

    context: Context
    rules: Path
    routes: Path


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    folder = tmp_path_factory.mktemp("loaded")
    at = at_base(free_base(60))
    documents = {**prometheus.render(OF, at), **files.documents(OF, at)}
    rules = write(folder / "prometheus" / "conf", texts(documents))
    routes = write(folder / "alertmanager" / "conf", texts(alertmanager.render(OF, at)))
    command = [
        program("prometheus", "prometheus"),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=../data",
        "--web.enable-lifecycle",
        f"--web.listen-address={at.dial('prometheus')}",
    ]
    base = World(OF, folder).context(whole=20)
    access = replace(base.access, site=at)
    clock = WallClock()
    context = replace(
        base,
        access=access,
        clock=clock,
        ends=clock.monotonic() + 3600,
        clients=Clients(access, "local", httpx.HTTPTransport()),
    )
    ready = "http://{}/-/ready".format
    with (
        started(command, rules, ready(at.dial("prometheus"))),
        started([*alertmanager_command(at)], routes, ready(at.dial("alertmanager"))),
    ):
        yield Engines(context, rules, routes)


def soon(context: Context) -> Context:
    """A run that has little time, for what does not come."""
    return replace(context, ends=context.clock.monotonic() + 1)


def test_what_was_rendered_is_loaded(engines: Engines) -> None:
    for check in (RULES_LOADED, ROUTES_LOADED):
        row = run_check(engines.context, check)
        assert row.result is Result.PASSED, row.text


def test_a_rule_of_before_that_is_still_in_force_is_found(engines: Engines) -> None:
    file = engines.rules / "rules" / "payments.yml"
    before = file.read_text()
    reload = f"{engines.context.clients.prometheus.base}/-/reload"
    file.write_text(before.replace("severity: critical", "severity: warning", 1))
    assert httpx.post(reload, timeout=60).status_code == 200
    row = run_check(soon(engines.context), RULES_LOADED)
    assert row.result is Result.FAILED
    assert "1 that are missing or different" in row.text
    file.write_text(before)
    assert httpx.post(reload, timeout=60).status_code == 200
    assert run_check(engines.context, RULES_LOADED).result is Result.PASSED


def test_a_configuration_that_was_refused_is_found(engines: Engines) -> None:
    """Alertmanager goes on with the one before; what is wanted by now is another."""
    changed = OF.model_copy(
        update={
            "alerting": OF.alerting.model_copy(
                update={"grouping": OF.alerting.grouping.model_copy(update={"wait": "17s"})}
            )
        }
    )
    row = run_check(replace(soon(engines.context), spec=changed), ROUTES_LOADED)
    assert row.result is Result.FAILED
    assert "route.group_wait of Alertmanager's configuration to be '17s'" in row.text
