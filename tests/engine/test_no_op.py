"""`obs up` of a stack that is as it shall be does not start the Pulumi engine; what could change, starts it.

Whether it was started is told by the state, in which each run of it writes the time."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from obs.passphrase import LOCAL_PASSPHRASE
from obs.state_key import derived
from tests.engine.project import Project

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]
VALUE = "https://hooks.example/s3cret-value"


def state(project: Project) -> Path:
    return project.root / ".state" / ".pulumi" / "stacks" / "observability" / "local.json"


def started(project: Project, *arguments: str) -> bool:
    """Whether an `up` that finds nothing to change starts the engine."""
    before = state(project).read_bytes()
    done = project.obs("up", *arguments)
    assert done.returncode == 0, done.stderr
    assert "nothing to change" in done.stderr
    return state(project).read_bytes() != before


@pytest.fixture
def secret(standing: Project) -> Iterator[Project]:
    """Deployed, with a secret of the user's in it."""
    before = standing.stack_file.read_text()
    ticket = "platform-ticket, kind: ticket"
    standing.replace(f"{ticket}, to_sink: true", f"{ticket}, secret: token")
    named = "secrets: [{name: token, source: environment, key: TOY_TOKEN}]"
    standing.replace("    services:\n", f"    {named}\n    services:\n")
    standing.environment["TOY_TOKEN"] = VALUE
    standing.up()
    yield standing
    standing.environment.pop("TOY_TOKEN")
    standing.stack_file.write_text(before)


def test_the_engine_is_not_started_for_nothing(standing: Project) -> None:
    said = standing.up()
    assert not started(standing)
    assert standing.up() == said, "nobody can tell from what it says"
    assert standing.obs("refresh").returncode == 0
    assert not started(standing), "a refresh that found nothing leaves the state as it was"
    assert standing.by_hand("pulumi up -s local --yes --non-interactive").returncode == 0
    assert not started(standing), "as does an update by hand"
    assert started(standing, "--refresh")
    assert not started(standing)
    assert standing.obs("status").returncode == 0
    assert standing.obs("preview", "--all", "--json").returncode in (0, 1)


def test_what_could_change_is_the_engines(standing: Project) -> None:
    program = standing.root / "vsi" / "plan.py"
    text = program.read_text()
    program.write_text(f"{text}\n")
    assert started(standing), "other code"
    program.write_text(text)
    assert started(standing)
    standing.stack_file.write_text(f"{standing.stack_file.read_text()}# a remark\n")
    assert started(standing), "another stack file"
    mark = standing.root / ".state" / ".no-op" / "local.json"
    mark.write_text(mark.read_text().replace('"mark": "', '"mark": "0'))
    assert started(standing), "a damaged mark"
    assert not started(standing)
    found = json.loads(state(standing).read_text())
    unit = next(it for it in found["checkpoint"]["latest"]["resources"] if it["urn"].endswith("one@local"))
    for held in (unit["inputs"], unit["outputs"]):
        held["conf/list.yml"] = "- edited\n"
    state(standing).write_text(json.dumps(found))
    assert "one: not as it was deployed" in standing.up(), "an edited state, which the engine corrects"
    assert not started(standing)


def test_what_was_changed_on_the_host_is_repaired(standing: Project) -> None:
    assert not started(standing)
    unit = standing.root / ".state" / "local" / "units" / "one"
    conf = unit / "conf" / "conf" / "list.yml"
    before = conf.read_text()
    conf.write_text("- edited\n")
    assert "1 updated" in standing.up()
    assert conf.read_text() == before
    assert not started(standing)
    assert standing.obs("stop", "local", "three").returncode == 0
    assert "1 updated" in standing.up()
    assert standing.once_each()
    conf.chmod(0o666)
    assert "1 updated" in standing.up()
    assert not started(standing)


def test_a_secret_is_compared_and_found_nowhere(secret: Project) -> None:
    assert not started(secret)
    for file in (secret.root / ".state" / ".no-op").iterdir():
        assert VALUE not in file.read_text()
    secret.environment["TOY_TOKEN"] = f"{VALUE}-2"
    assert "1 updated" in secret.up()
    assert not started(secret)
    held = secret.root / ".state" / "local" / "secrets" / "token"
    held.write_text(f"{VALUE}-3")
    assert "1 updated" in secret.up()
    assert held.read_text().strip() == f"{VALUE}-2"


def test_the_key_is_the_one_of_the_engine(secret: Project) -> None:
    deployment = json.loads(state(secret).read_text())["checkpoint"]["latest"]
    key = derived(deployment, LOCAL_PASSPHRASE)
    assert key
    held = [it for it in key.opened(deployment["resources"]) if "secret_token" in it.get("inputs", {})]
    assert [it["inputs"]["secret_token"] for it in held] == [VALUE]
    assert derived(deployment, "another") is None


def test_a_run_that_was_cut_off_leaves_the_next_to_the_engine(standing: Project) -> None:
    assert not started(standing)
    standing.replace("cluster: laptop", "cluster: nowhere")
    try:
        listener = standing.root / "vsi" / "deploy.py"
        text = listener.read_text()
        listener.write_text(text.replace("def apply(", "raise SystemExit(1)\n\n\ndef apply(", 1))
        assert standing.obs("up").returncode == 1
        listener.write_text(text)
    finally:
        standing.replace("cluster: nowhere", "cluster: laptop")
    mark = standing.root / ".state" / ".no-op" / "local.json"
    assert not mark.exists()
    standing.up()
    assert standing.once_each()
    assert not started(standing)
    assert standing.obs("destroy", "--yes").returncode == 0
    assert not mark.exists()
