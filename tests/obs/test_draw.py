"""A preview shows what matters in full, and what follows from it as a line."""

import pytest

from obs.diff import PartChange, changes
from obs.draw import LINES, draw
from obs.notices import tell_new
from obs.where import SHOWN, text, where
from tests import specs
from vsi.plan import plan
from vsi.site import local_site
from vsi.unit import HostUnit


def _shown(capsys: pytest.CaptureFixture[str], *found: PartChange, full: bool = False) -> list[str]:
    draw(found, full)
    return capsys.readouterr().out.splitlines()


def _change(op: str, old: dict[str, str], new: dict[str, str]) -> PartChange:
    return PartChange("prometheus@local", "prometheus", op, changes(old, new, HostUnit.file_of))


OLD = {"prometheus.yml": "a: 1\n", "rules/old.yml": "x\n" * 50, "settings": '{"a": 1}'}
NEW = {
    "prometheus.yml": "a: 2\n",
    "rules/new.yml": "x\n" * 345,
    "tests/new.yml": "y\n" * 700,
    "tests/new.1s.yml": "y\n" * 159,
    "settings": '{"a": 2}',
}


def test_five_lines_of_a_stack_file_do_not_print_a_thousand(capsys: pytest.CaptureFixture[str]) -> None:
    services = specs.stack()["services"]
    billing = {"name": "billing", "owner": "checkout", "metrics": [{"address": "127.0.0.1:9101"}]}
    before = specs.unit(plan(specs.spec(), "local"), "prometheus")
    after = specs.unit(plan(specs.spec(services=[*services, billing]), "local"), "prometheus")
    found = _change("update", dict(before.files), dict(after.files))
    shown = _shown(capsys, found)
    assert "  new scrape/billing.yml" in "\n".join(shown)
    assert len(shown) < 60
    assert len(_shown(capsys, found, full=True)) > 500


def test_what_changes_is_shown_and_what_is_new_or_gone_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _shown(capsys, _change("update", OLD, NEW))
    assert "    -a: 1" in shown
    assert "    +a: 2" in shown
    assert "  new rules/new.yml (345 lines)" in shown
    assert "  removed rules/old.yml (50 lines)" in shown
    assert "  new tests/ (2 files, 859 lines)" in shown
    assert not [line for line in shown if line.strip() in ("+x", "-x", "+y")]
    assert "--full" in shown[-1]


def test_full_shows_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _shown(capsys, _change("update", OLD, NEW), full=True)
    assert shown.count("    +x") == 345
    assert shown.count("    +y") == 859


def test_a_long_difference_is_cut_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    old, new = ("\n".join(f"{word} {number}" for number in range(100)) for word in ("old", "new"))
    shown = _shown(capsys, _change("update", {"a.yml": old}, {"a.yml": new}))
    assert len(shown) == LINES + 5
    assert "    ... 161 lines more" in shown


def test_new_units_name_their_files(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _shown(capsys, _change("create", {}, NEW))
    assert shown[:2] == ["prometheus: create", "  new prometheus.yml (1 line)"]
    assert not [line for line in shown if "settings" in line]


def test_no_change_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shown(capsys) == ["no changes"]


@pytest.fixture
def _state(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))


@pytest.mark.usefixtures("_state")
def test_a_notice_is_told_once_and_again_after_it_was_gone(capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for texts in (["a", "b"], ["a", "b"], ["b"], ["a", "b"], []):
        tell_new("local", texts)
        told.append(capsys.readouterr().err.split())
    assert told == [["a", "b"], [], [], ["a"], []]


@pytest.mark.usefixtures("_state")
def test_notices_of_two_stacks_are_apart(capsys: pytest.CaptureFixture[str]) -> None:
    tell_new("local", ["a"])
    tell_new("staging", ["a"])
    assert capsys.readouterr().err.split() == ["a", "a"]


def test_a_notice_is_told_where_nothing_can_be_remembered(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", "/proc/nowhere")
    tell_new("local", ["a"])
    tell_new("local", ["a"])
    assert capsys.readouterr().err.split() == ["a", "a"]


def test_the_addresses_are_those_of_what_runs_and_fit_a_terminal() -> None:
    spec = specs.spec()
    rows = dict(where(spec, plan(spec, "local"), local_site(spec)))
    assert next(iter(rows.items())) == ("start page", "http://127.0.0.1:21041/")
    assert rows["metrics"] == "http://127.0.0.1:21041/explore"
    assert "http://127.0.0.1:21000/" not in rows.values(), "a build of Prometheus has no page there"
    assert rows["gateway"] == "http://127.0.0.1:21100/"
    assert "legacy-billing" not in rows
    assert max(map(len, text(list(rows.items())).splitlines())) <= 80
    bare = specs.spec(
        tracing={"otlp": {"grpc": False}},
        services=[
            {**service, "traces": {"protocol": "otlp-http"}}
            for service in specs.stack()["services"]
            if service.get("run")
        ],
    )
    assert (
        dict(where(bare, plan(bare, "local"), local_site(bare)))["send spans to"] == "127.0.0.1:21021 (http)"
    )


def test_of_many_services_the_first_are_listed() -> None:
    services = [
        {"name": f"s{n}", "owner": "checkout", "run": {"command": ["{python}"], "port_offset": 100 + n}}
        for n in range(20)
    ]
    spec = specs.spec(services=services, metrics={"exporters": ["node"]})
    rows = where(spec, plan(spec, "local"), local_site(spec))
    assert rows[-1] == (f"{20 - SHOWN} more services", "obs status local")
