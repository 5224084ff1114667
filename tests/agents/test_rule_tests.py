"""What passed is not tested again, what differs is, and nothing that fails is remembered."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents import rule_tests

REPO = Path(__file__).resolve().parents[2]


class Bench:
    """A folder of rules and tests, and a promtool that writes down what it is asked and fails on `wrong`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.promtool = folder / "promtool"
        self.passed = folder / "cache" / "passed.json"
        self.log = folder / "asked"
        self.promtool.write_text(
            f'#!/bin/sh\nshift 2\nfor f in "$@"; do echo "$f" >>"{self.log}"; done\n'
            'for f in "$@"; do\n'
            '  if grep -q wrong "$f" rules/*; then echo "FAILED: $f"; exit 1; fi\n'
            "done\n"
        )
        self.promtool.chmod(0o755)
        for name in ("a", "b", "c"):
            self.write(f"rules/{name}.yml", f"rules of {name}")
            self.write(f"tests/{name}.yml", f"rule_files:\n- ../rules/{name}.yml\ntests: {name}\n")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def run(self) -> tuple[int, list[str]]:
        """Exit code, and the files that promtool was asked about."""
        self.log.unlink(missing_ok=True)
        options = ["--promtool", str(self.promtool), "--passed", str(self.passed), "tests"]
        self.done = subprocess.run(
            [sys.executable, "-m", "agents.rule_tests", *options],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(REPO)},
            capture_output=True,
            text=True,
            check=False,
        )
        asked = sorted(self.log.read_text().split()) if self.log.exists() else []
        return self.done.returncode, [name.removeprefix("tests/").removesuffix(".yml") for name in asked]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    assert made.run() == (0, ["a", "b", "c"])
    return made


def test_what_passed_is_not_tested_again(bench: Bench) -> None:
    assert bench.run() == (0, [])
    assert "3 files of rule tests, 3 known to pass" in bench.done.stdout


@pytest.mark.parametrize("changed", ["rules/b.yml", "tests/b.yml"])
def test_what_differs_in_a_byte_is_tested_and_a_change_taken_back_is_known(
    bench: Bench, changed: str
) -> None:
    before = (bench.folder / changed).read_text()
    bench.write(changed, before + " ")
    assert bench.run() == (0, ["b"])
    bench.write(changed, before)
    assert bench.run() == (0, [])


def test_another_promtool_tests_everything(bench: Bench) -> None:
    bench.promtool.write_text(bench.promtool.read_text() + "# newer\n")
    assert bench.run() == (0, ["a", "b", "c"])


def test_what_fails_is_told_and_tested_again_until_it_passes(bench: Bench) -> None:
    bench.write("rules/b.yml", "wrong")
    for _ in range(2):
        code, asked = bench.run()
        assert (code, "b" in asked) == (1, True)
        assert "FAILED: tests/b.yml" in bench.done.stderr
    bench.write("rules/b.yml", "right")
    code, asked = bench.run()
    assert (code, "b" in asked) == (0, True)


def test_of_a_failure_the_one_case_is_named() -> None:
    said = (
        "  FAILED:\n    name: A fires at 26h40m: burst; A silent at 40h: trickle; B silent at 40h: trickle,\n"
        "    alertname: A, time: 40h, \n        exp:[\n"
    )
    assert rule_tests.brief(said).splitlines()[1] == "    name: A silent at 40h: trickle,"


def test_a_name_without_such_a_case_is_left_as_it_is() -> None:
    said = "    name: of the user's own,\n    alertname: A, time: 40h, \n"
    assert rule_tests.brief(said) == said


def test_a_new_file_is_tested_and_a_removed_one_is_not(bench: Bench) -> None:
    bench.write("rules/d.yml", "d")
    bench.write("tests/d.yml", "rule_files:\n- ../rules/d.yml\n")
    (bench.folder / "tests/a.yml").unlink()
    assert bench.run() == (0, ["d"])


@pytest.mark.parametrize("text", ["", "{", "{}", "[1, null]", '["short"]', "\0"])
def test_a_damaged_memory_only_costs_time(bench: Bench, text: str) -> None:
    bench.passed.write_text(text)
    assert bench.run() == (0, ["a", "b", "c"])
    assert bench.run() == (0, [])


def test_a_memory_that_cannot_be_written_only_costs_time(bench: Bench) -> None:
    bench.passed.unlink()
    bench.passed.parent.rmdir()
    bench.passed.parent.write_text("in the way")
    assert bench.run() == (0, ["a", "b", "c"])


@pytest.mark.parametrize("text", ["tests: []\n", "rule_files:\n- ../rules/*.yml\n", "rule_files: [a]\n"])
def test_where_the_rules_are_not_known_it_is_tested_always(bench: Bench, text: str) -> None:
    bench.write("tests/a.yml", text)
    assert bench.run() == bench.run() == (0, ["a"])


@pytest.mark.parametrize("gone", ["rules/b.yml", "promtool"])
def test_a_missing_file_is_named(bench: Bench, gone: str) -> None:
    (bench.folder / gone).unlink()
    assert bench.run() == (1, [])
    assert f"{gone}: No such file" in bench.done.stderr
    assert "Traceback" not in bench.done.stderr


def test_a_promtool_that_cannot_be_started_fails_the_check(bench: Bench) -> None:
    bench.promtool.chmod(0o644)
    bench.promtool.write_text("not a program")
    code, _ = bench.run()
    assert code == 1
    assert bench.done.stderr


def test_the_memory_stays_small(bench: Bench) -> None:
    for number in range(40):
        bench.write("rules/b.yml", f"rules {number}")
        files = rule_tests.main  # in this process, which is quicker
        before = os.getcwd()
        os.chdir(bench.folder)
        try:
            assert files(["--promtool", str(bench.promtool), "--passed", str(bench.passed), "tests"]) == 0
        finally:
            os.chdir(before)
    assert len(json.loads(bench.passed.read_text())) == rule_tests.REMEMBERED * 3
    assert bench.run() == (0, [])


def named(
    bench: Bench, name: str, owner: str = "shop", expr: str = 'up{service="NAME"}', **labels: str
) -> None:
    """Rules and tests of a service, as they are rendered."""
    own = {"owner": owner, "service": name, "version": "1.0", **labels}
    block = "".join(f"      {label}: {value}\n" for label, value in own.items())
    info = f"  - record: obs:service_info\n    expr: vector(1)\n    labels:\n{block}"
    rule = f"  - alert: Down\n    expr: {expr.replace('NAME', name)}\n    labels:\n      team: {owner}\n"
    bench.write(f"rules/{name}.yml", f"groups:\n- name: {name}-slo\n  rules:\n{info}{rule}")
    bench.write(
        f"tests/{name}.yml", f"rule_files:\n- ../rules/{name}.yml\ntests: [{name} of {owner} is down.]\n"
    )


def test_of_services_that_differ_in_names_only_one_is_tested(bench: Bench) -> None:
    named(bench, "cart")
    named(bench, "tax-2", owner="front-office", version="'1.0'")
    named(bench, "card-payments-eu", owner="eu", version="7.1-rc.2")
    assert bench.run() == (0, ["card-payments-eu", "tax-2"]), "a quoted version is not spelled alike"
    assert "6 files of rule tests, 3 known to pass, 1 differ from another in names only" in bench.done.stdout
    assert bench.run() == (0, [])
    named(bench, "later", owner="who")
    assert bench.run() == (0, []), "like one that passed"


@pytest.mark.parametrize(
    "other",
    [
        {"name": "tax", "expr": 'up{service="NAME"} == 0'},
        {"name": "tax", "expr": 'up{service="cart"}'},
        {"name": "tax", "expr": 'up{service="NAME-2"}'},
        {"name": "tax", "expr": 'up{service="NAME.2"}'},
        {"name": "up"},
        {"name": "tax", "owner": "tax"},
        {"name": "tax", "owner": "rules"},
        {"name": "tax", "language": "go"},
    ],
)
def test_what_differs_in_more_than_names_is_tested(bench: Bench, other: dict[str, str]) -> None:
    named(bench, "cart")
    assert bench.run() == (0, ["cart"])
    named(bench, **other)
    assert bench.run() == (0, [other["name"]])


def test_where_a_line_is_broken_for_the_length_of_a_name_says_nothing(bench: Bench) -> None:
    named(bench, "cart", expr="vector(1)\n      and up")
    named(bench, "tax", expr="vector(1) and\n      up")
    assert bench.run()[1] == ["cart"]


def test_a_failure_of_one_fails_all_that_are_alike(bench: Bench) -> None:
    for name in ("cart", "tax"):
        named(bench, name, expr="wrong")
    assert bench.run() == (1, ["cart"]) == bench.run()
    for name in ("cart", "tax"):
        named(bench, name)
    assert bench.run() == (0, ["cart"])
