"""The stack file of a head says what the template does, but for its name, ports and data."""

import json
import re
from pathlib import Path

import pytest

from cohorts.heads import Head
from cohorts.model import Person
from cohorts.template import plan_of, spec_of, template_of, text_of
from stacks.loader import STACKS, load
from tests.cohorts.cases import cohort
from vsi.site import local_site

HEAD = Head(Person(name="Ana", email="ana@example.org"), "ana", "cohort-otel-ana", 23400)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of stack files as the real one is."""
    for name in ("base.yaml", "Pulumi.local.yaml"):
        (tmp_path / name).write_bytes((STACKS / name).read_bytes())
    return tmp_path


def _written(folder: Path) -> str:
    text = text_of(cohort(), HEAD, folder)
    (folder / f"Pulumi.{HEAD.stack}.yaml").write_text(text, encoding="utf-8")
    return text


def test_it_reads_back_as_the_planned_spec(folder: Path) -> None:
    _written(folder)

    assert load(HEAD.stack, folder) == spec_of(template_of(cohort(), folder), HEAD.stack, 23400)


def test_it_says_whose_it_is_and_until_when(folder: Path) -> None:
    text = _written(folder)

    assert "# owner: ana@example.org\n# expires: 2026-12-05T18:00:00+01:00\n" in text
    assert "encryptionsalt" not in text, "the salt is the template's own"


def test_text_that_looks_like_something_else_stays_text(folder: Path) -> None:
    """What one reader of YAML takes for a number, a date or a word of logic, another does not."""
    odd = [
        "0o17",
        "1_000",
        "1e3",
        "0x1F",
        "2026-12-05",
        "true",
        "no",
        "null",
        "~",
        "+5",
        ".5",
        "-",
        "a: b",
        "# c",
    ]
    file = folder / "Pulumi.local.yaml"
    text = file.read_text(encoding="utf-8")
    command = "['{python}', -m, demo.orders]"
    assert command in text
    file.write_text(text.replace(command, json.dumps(["{python}", *odd])), encoding="utf-8")
    _written(folder)

    run = next(service for service in load(HEAD.stack, folder).services if service.name == "orders").run
    assert run
    assert list(run.command) == ["{python}", *odd]


def test_nothing_of_a_head_names_anything_of_another() -> None:
    """Neither its files, nor its commands, nor its addresses: what one head does reaches no other."""
    spec = template_of(cohort())
    one, other = (
        plan_of(spec, f"cohort-otel-{slug}", base) for slug, base in (("ana", 23000), ("bo", 23200))
    )
    ports = [str(port) for part in other.parts for port in part.ports]  # type: ignore[attr-defined]
    foreign = re.compile(rf"cohort-otel-bo|\b(?:{'|'.join(ports)})\b")

    assert foreign.search(other.model_dump_json()), "a pattern that finds its own"
    assert foreign.findall(one.model_dump_json()) == []


def test_two_heads_share_no_port() -> None:
    spec = template_of(cohort())

    def ports(base: int) -> set[int]:
        plan = plan_of(spec, f"cohort-otel-{base}", base)
        return {port for part in plan.parts for port in part.ports}  # type: ignore[attr-defined]

    assert ports(23000)
    assert not ports(23000) & ports(23200)


def test_programs_of_a_head_ask_who_dials_them_whatever_the_template_says(folder: Path) -> None:
    file = folder / "Pulumi.local.yaml"
    text = file.read_text(encoding="utf-8")
    assert "    deploy:\n" in text
    file.write_text(text.replace("    deploy:\n", "    deploy:\n      loopback: open\n"), encoding="utf-8")

    _written(folder)

    assert load(HEAD.stack, folder).deploy.loopback == "guarded"


def test_every_listener_of_a_head_speaks_tls_but_those_that_ask_for_a_password() -> None:
    spec = spec_of(template_of(cohort()), "cohort-otel-ana", 23000)
    site = local_site(spec)
    plain = {name for name, one in site.listeners.items() if not one.tls}

    assert plain == {"housekeeper", "pages", "redis", "redis-exporter", "sink"}
