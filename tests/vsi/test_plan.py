"""The plan of this machine: pure, ordered, on loopback, and equal for equal specs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.catalog import ENGINES
from tests import specs
from vsi.plan import plan
from vsi.unit import HostPlan

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def planned() -> HostPlan:
    return plan(specs.spec(), "local")


def test_each_unit_comes_after_what_it_needs(planned: HostPlan) -> None:
    seen: set[str] = set()
    for unit in planned.parts:
        assert seen.issuperset(unit.needs), f"{unit.name} stands before one of {unit.needs}"
        seen.add(unit.id)


def test_no_two_units_share_a_port_and_all_lie_above_the_base(planned: HostPlan) -> None:
    ports = [port for unit in planned.parts for port in unit.ports]
    assert len(ports) == len(set(ports))
    assert all(21000 <= port < 21200 for port in ports)


def test_every_engine_of_a_unit_is_in_the_catalogue(planned: HostPlan) -> None:
    known = {engine.name for engine in ENGINES}
    named = {engine for unit in planned.parts for engine in unit.engines}
    assert named <= known
    for unit in planned.parts:
        words = [unit.process.command, *unit.checks, unit.setup]
        used = set(re.findall(r"\{engine:([a-z_]+)", str(words)))
        assert used == set(unit.engines), unit.name


def test_every_configuration_is_judged_before_it_replaces_the_running_one(planned: HostPlan) -> None:
    """But for Redis, which has no command for that."""
    unjudged = {unit.name for unit in planned.parts if unit.files and not unit.checks}
    assert unjudged == {"redis"}


def test_a_program_of_somebody_elses_is_not_asked_to_judge() -> None:
    services = specs.stack()["services"]
    services[0]["run"]["command"] = ["{python}", "-m", "theirs.gateway"]
    assert specs.unit(plan(specs.spec(services=services), "local"), "gateway").checks == ()


def test_no_text_holds_a_machine_path(planned: HostPlan) -> None:
    text = planned.model_dump_json()
    assert str(REPO) not in text
    assert str(Path.home()) + "/" not in text
    assert sys.executable not in text


def test_every_secret_of_a_unit_has_a_source(planned: HostPlan) -> None:
    sources = {secret.name for secret in planned.secrets}
    assert {name for unit in planned.parts for name in unit.secrets} <= sources


def test_nothing_is_told_to_listen_beyond_loopback(planned: HostPlan) -> None:
    for unit in planned.parts:
        for path, text in unit.files:
            assert "0.0.0.0" not in text, f"{unit.name}/{path}"  # noqa: S104
            assert not re.search(r"(listen|bind|endpoint)\S*[:=]\s*['\"]?:\d", text), f"{unit.name}/{path}"


def test_equal_specs_give_equal_bytes_in_another_process(planned: HostPlan) -> None:
    program = (
        "import sys; from tests import specs; from vsi.plan import plan; "
        "sys.stdout.write(plan(specs.spec(), 'local').model_dump_json())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    other = subprocess.run(
        [sys.executable, "-c", program], cwd=REPO, env=environment, capture_output=True, text=True, check=True
    )
    assert other.stdout == planned.model_dump_json()


def test_a_new_observed_service_touches_only_its_own_files_the_collector_and_the_pages(
    planned: HostPlan,
) -> None:
    service = {
        "name": "billing",
        "owner": "checkout",
        "metrics": [{"address": "127.0.0.1:9101"}],
        "logs": [{"path": "/var/log/invoices/*.log"}],
    }
    after = plan(specs.spec(services=[*specs.stack()["services"], service]), "local")
    before = {part.id: dict(part.files) for part in planned.parts}
    changed = {
        f"{unit.name}/{path}"
        for unit in after.parts
        for path, text in unit.files
        if before[unit.id].get(path) != text
    }
    assert changed == {
        "collector/collector.yaml",
        "pages/settings.json",
        "prometheus/rules/billing.yml",
        "prometheus/scrape/billing.yml",
        "prometheus/tests/billing.yml",
    } | {name for name in changed if re.fullmatch(r"prometheus/tests/billing\.\w+\.yml", name)}
