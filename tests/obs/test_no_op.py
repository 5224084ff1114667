"""What makes `obs up` start the Pulumi engine: all that could change what it does, a case each."""

import base64
import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pulumi.dynamic import DiffResult, ReadResult, ResourceProvider

from components.errors import SuiteError
from components.plan import Pillar, Secret
from obs import no_op, state_key
from obs.no_op import NoOp
from obs.passphrase import LOCAL_PASSPHRASE
from obs.state_key import Sealed, derived
from plugins.provider_host import ProviderHost
from tests import specs
from tests.vsi.servers.host import AUTHORITY
from tests.vsi.servers.test_ready_host import props
from vsi import tls
from vsi.servers.ready_host import HostProvider
from vsi.servers.survey import Survey
from vsi.unit import HostPlan, HostUnit, Process, Ready

STACK, VALUE = "local", "s3cret-value"
SECRET = "LENT"
"""The variable of one that the spec names."""
SALT = b"12345678"
ITERATIONS = 1000
"""In place of a million, which tests/engine/test_no_op.py has."""
KINDS = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
FOUND: dict[str, Any] = {}
"""What the provider of these tests reads in place of what was planned; `raises` for an error."""


class Reads(ResourceProvider):
    """Says what `FOUND` says."""

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        assert props["secret_token"] == VALUE, "a provider is given the secrets in plain"
        if "raises" in FOUND:
            raise FOUND["raises"]
        outs = {key: value for key, value in props.items() if key != "__provider"}
        return ReadResult(FOUND.get("id", id_), outs | FOUND.get("outs", {}), FOUND.get("inputs"))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=olds["unit"] != news["unit"])


def pickled(provider: ResourceProvider) -> str:
    """As the SDK puts it into a resource: by its name."""
    return base64.b64encode(pickle.dumps(provider)).decode()


def sealed(text: str, passphrase: str) -> str:
    """As the Pulumi engine encrypts a text."""
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), SALT, ITERATIONS, 32)
    nonce = os.urandom(12)
    parts = (nonce, AESGCM(key).encrypt(nonce, text.encode(), None))
    return ":".join(("v1", *(base64.b64encode(part).decode() for part in parts)))


def state(passphrase: str = LOCAL_PASSPHRASE) -> dict[str, Any]:
    """What the engine keeps of a stack with one resource."""
    salt = f"v1:{base64.b64encode(SALT).decode()}:{sealed('pulumi', passphrase)}"
    held = {
        "__provider": pickled(Reads()),
        "unit": "one",
        "secret_token": {**KINDS, "ciphertext": sealed(json.dumps(VALUE), passphrase)},
    }
    unit = {"urn": "urn::one", "custom": True, "id": "x/one", "type": "pulumi-python:dynamic/vsi:Unit"}
    return {
        "manifest": {"time": "now"},
        "secrets_providers": {"type": "passphrase", "state": {"salt": salt}},
        "resources": [
            {"urn": "urn::two", "custom": False, "type": "obs:components:Metrics", "outputs": {"units": []}},
            {
                **unit,
                "inputs": held,
                "outputs": dict(held),
                "modified": "yesterday",
                "dependencies": ["a", "b"],
            },
        ],
    }


@dataclass
class Stage:
    """A stack whose last `up` ended well, and all that its mark is made of."""

    root: Path
    deployment: dict[str, Any] = field(default_factory=state)
    spec: Any = field(default_factory=specs.spec_on_servers)
    threshold: str = "one"
    noted: str = "h1"
    keys: dict[str, str] = field(default_factory=lambda: {"prometheus": "ab"})

    @property
    def plan(self) -> HostPlan:
        unit = HostUnit(
            name="one",
            place="local",
            pillar=Pillar.METRICS,
            files=(("conf/a.yml", self.threshold),),
            process=Process(command=("x",), ready=Ready(url="http://127.0.0.1:1/")),
            memory_mb=1,
        )
        secret = Secret(name="token", source="environment", key=SECRET)
        return HostPlan(stack=STACK, parts=(unit,), secrets=(secret,))

    @property
    def mark(self) -> Path:
        return self.root / "state" / ".no-op" / f"{STACK}.json"

    @property
    def stack_file(self) -> Path:
        return self.root / "project" / "stacks" / f"Pulumi.{STACK}.yaml"

    @property
    def resource(self) -> dict[str, Any]:
        return next(it for it in self.deployment["resources"] if it["custom"])

    def write(self) -> None:
        """Put the state where the engine has it."""
        file = self.root / "state" / ".pulumi" / "stacks" / "observability" / f"{STACK}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"checkpoint": {"latest": self.deployment}}))

    def up(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """An `up` that ends well."""
        run = NoOp(STACK)
        no_op.forget(STACK)
        meanwhile()
        run.remember(self.spec, self.plan)

    def holds(self) -> bool:
        return NoOp(STACK).holds(self.spec, self.plan)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(tmp_path)
    FOUND.clear()
    monkeypatch.setattr(state_key, "_ITERATIONS", ITERATIONS)
    for name in [name for name in os.environ if name.startswith(("OBS_", "PULUMI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv(SECRET, VALUE)
    program = tmp_path / "project" / "vsi" / "deep" / "plan.py"
    program.parent.mkdir(parents=True)
    (tmp_path / "project" / "vsi" / "__init__.py").touch()
    program.write_text("x = 1\n")
    made.stack_file.parent.mkdir()
    made.stack_file.write_text("config: {}\n")
    (cli := tmp_path / "pulumi").touch()
    operate: Any = SimpleNamespace(noted=lambda _: made.noted)
    monkeypatch.setattr(no_op, "ROOT", tmp_path / "project")
    monkeypatch.setattr(no_op, "find_pulumi", lambda: cli)
    monkeypatch.setattr(no_op, "deployed_in", lambda _: operate if made.noted else None)
    monkeypatch.setattr(
        "engines.pack.packed", lambda _: {k: SimpleNamespace(key=v) for k, v in made.keys.items()}
    )
    made.write()
    made.up()
    return made


def test_nothing_is_done_where_nothing_can_have_changed(stage: Stage) -> None:
    assert stage.holds()
    stage.deployment["manifest"]["time"] = "later"
    stage.resource["modified"] = "today"
    stage.resource["dependencies"].reverse()
    stage.deployment["resources"].reverse()
    stage.write()
    assert stage.holds(), "what another run of the engine notes that changes nothing"
    FOUND["inputs"] = {"unit": "one", "secret_token": VALUE}
    assert stage.holds(), "a provider may say what is as planned once more, as inputs"


def test_the_mark_tells_no_secret_and_cannot_be_guessed_at(stage: Stage) -> None:
    text = stage.mark.read_text()
    assert stage.mark.stat().st_mode & 0o777 == 0o600
    assert VALUE not in text
    assert hashlib.sha256(VALUE.encode()).hexdigest() not in text
    assert list(json.loads(text)) == ["mark"], "all else would be a hint"


Change = Callable[[Stage, pytest.MonkeyPatch], object]
FOUND_OTHERWISE: dict[str, dict[str, Any]] = {
    "a file edited on a host": {"outs": {"conf/a.yml": "edited"}},
    "a process that ended": {"outs": {"process_state": "stopped"}},
    "a unit that is gone": {"id": ""},
    "inputs that a refresh would take over": {"inputs": {"unit": "other"}},
    "a host that is away": {"raises": SuiteError("h1: no route")},
    "a folder that cannot be read": {"raises": PermissionError(13, "denied")},
}
CHANGES: dict[str, Change] = {
    "the plan": lambda stage, _: setattr(stage, "threshold", "two"),
    "the spec": lambda stage, _: setattr(stage, "spec", specs.spec()),
    "the stack file": lambda stage, _: stage.stack_file.write_text("config: {a: {secure: v1:x}}\n"),
    "the salt in the stack file": lambda stage, _: stage.stack_file.write_text("encryptionsalt: v1:x\n"),
    "a secret": lambda _, patch: patch.setenv(SECRET, "another"),
    "a secret of the spec alone": lambda _, patch: patch.setenv("SUDO", "another"),
    "a secret that is gone": lambda _, patch: patch.delenv(SECRET),
    "a variable of ours": lambda _, patch: patch.setenv("OBS_PORT_BASE", "1"),
    "a variable of Pulumi's": lambda _, patch: patch.setenv("PULUMI_CONFIG", "{}"),
    "code": lambda stage, _: (stage.root / "project/vsi/deep/plan.py").write_text("x = 22\n"),
    "code that came": lambda stage, _: (stage.root / "project/vsi/deep/more.py").touch(),
    "code that went": lambda stage, _: (stage.root / "project/vsi/deep/plan.py").unlink(),
    "libraries": lambda stage, patch: patch.setattr("sysconfig.get_path", lambda _: str(stage.root)),
    "the interpreter": lambda _, patch: patch.setattr("sys.version", "4"),
    "the Pulumi CLI": lambda stage, _: os.utime(stage.root / "pulumi", (1, 1)),
    "an engine in the cache": lambda stage, _: stage.keys.update(prometheus="cd"),
    "what is known of the hosts": lambda stage, _: setattr(stage, "noted", "h1 h2"),
    "nothing known of the hosts": lambda stage, _: setattr(stage, "noted", ""),
    "another format": lambda _, patch: patch.setattr(no_op, "FORMAT", "2"),
}
EDITS: dict[str, Callable[[Stage], object]] = {
    "an output": lambda stage: stage.resource["outputs"].update(unit="two"),
    "input and output": lambda stage: [stage.resource[it].update(unit="two") for it in ("inputs", "outputs")],
    "a secret of another value": lambda stage: stage.resource["outputs"].update(
        secret_token={**KINDS, "ciphertext": sealed('"other"', LOCAL_PASSPHRASE)}
    ),
    "a secret that does not open": lambda stage: stage.resource["outputs"].update(
        secret_token={**KINDS, "ciphertext": "v1:AAAA:BBBB"}
    ),
    "a resource that went": lambda stage: stage.deployment["resources"].pop(),
    "what a resource needs": lambda stage: stage.resource["dependencies"].append("c"),
    "a resource that is to go": lambda stage: stage.resource.update(delete=True),
    "a resource that did not come up": lambda stage: stage.resource.update(initErrors=["x"]),
    "no resources": lambda stage: stage.deployment.update(resources=[]),
    "an operation that was cut off": lambda stage: stage.deployment.update(pending_operations=[{}]),
    "a stranger's provider": lambda stage: stage.resource.update(type="kubernetes:core/v1:Secret"),
    "another way to protect secrets": lambda stage: stage.deployment["secrets_providers"].update(
        type="cloud"
    ),
    "no salt": lambda stage: stage.deployment["secrets_providers"].update(state={}),
    "a salt of another form": lambda stage: stage.deployment["secrets_providers"].update(state={"salt": "x"}),
}


@pytest.mark.parametrize("case", FOUND_OTHERWISE)
def test_what_is_read_otherwise_is_left_to_the_engine(stage: Stage, case: str) -> None:
    FOUND.update(FOUND_OTHERWISE[case])
    assert not stage.holds()
    FOUND.clear()
    assert stage.holds(), "what was repaired by hand"


@pytest.mark.parametrize("case", CHANGES)
def test_what_the_program_depends_on_is_covered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    CHANGES[case](stage, monkeypatch)
    assert not stage.holds()


@pytest.mark.parametrize("case", EDITS)
def test_a_state_that_was_edited_is_left_to_the_engine(stage: Stage, case: str) -> None:
    EDITS[case](stage)
    stage.write()
    assert not stage.holds()


def test_a_state_that_is_gone_or_elsewhere_has_none(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(stage.root / "state" / ".pulumi")
    assert not stage.holds()
    stage.write()
    assert stage.holds()
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")
    assert not stage.holds()
    stage.up()
    assert not stage.mark.exists()


def test_the_provider_says_whether_an_input_is_a_change(stage: Stage) -> None:
    stage.resource["inputs"]["members"] = ["h1", "h2"]
    stage.write()
    stage.up()
    assert stage.holds()
    stage.resource["inputs"]["unit"] = "two"
    stage.write()
    stage.up()
    assert not stage.holds()


def test_what_stack_files_stand_on_is_not_changed_meanwhile(stage: Stage) -> None:
    stage.up(meanwhile=(stage.stack_file.parent / "base.yaml").touch)
    assert not stage.holds()


def test_a_link_that_leads_nowhere_and_a_passphrase_that_is_no_text_stop_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stage.root / "project/vsi/.#plan.py").symlink_to("somebody@host.17")
    stage.up()
    assert stage.holds()
    monkeypatch.setattr(no_op, "passphrase", lambda _: b"caf\xe9".decode())
    stage.up()
    assert not stage.mark.exists()


def test_another_passphrase_is_left_to_the_engine(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(no_op, "passphrase", lambda _: "another")
    assert not stage.holds()
    monkeypatch.setattr(no_op, "passphrase", lambda _: None)
    assert not stage.holds()
    stage.deployment = state("another")
    stage.write()
    monkeypatch.setattr(no_op, "passphrase", lambda _: "another")
    assert not stage.holds(), "the same state under another key has another mark"
    stage.up()
    assert stage.holds()


MARKS = ("", "{", "[]", "null", '{"mark": ""}', '{"mark": 7}', '{"mark": "ü"}', '{"mark": "0123"}', "\xff")


@pytest.mark.parametrize("text", MARKS)
def test_a_mark_that_is_damaged_or_made_up_is_none(stage: Stage, text: str) -> None:
    stage.mark.write_text(text, encoding="latin-1")
    assert not stage.holds()
    stage.mark.unlink()
    assert not stage.holds()


def test_the_mark_of_another_stack_is_none(stage: Stage) -> None:
    other = stage.mark.with_name("other.json")
    stage.mark.rename(other)
    checkpoint = stage.root / "state/.pulumi/stacks/observability"
    shutil.copy(checkpoint / f"{STACK}.json", checkpoint / "other.json")
    assert not NoOp("other").holds(stage.spec, stage.plan)


def test_whoever_goes_to_the_engine_leaves_no_mark_before_it_ended(stage: Stage) -> None:
    no_op.forget(STACK)
    assert not stage.holds()
    no_op.forget(STACK)


def test_what_was_changed_while_a_run_went_on_is_not_taken_for_what_was_deployed(stage: Stage) -> None:
    code = stage.root / "project/vsi/deep/plan.py"
    stage.up(lambda: stage.stack_file.write_text("config: {b: c}\n"))
    assert not stage.mark.exists()
    stage.up(lambda: code.write_text("x = 333\n"))
    assert not stage.mark.exists()
    stage.up(lambda: stage.stack_file.write_text("config: {b: c}\nencryptionsalt: v1:x\n"))
    assert stage.holds(), "a salt is the engine's own, of a first run"


def test_a_first_run_has_no_state_to_begin_with(stage: Stage) -> None:
    shutil.rmtree(stage.root / "state" / ".pulumi")
    stage.mark.unlink()
    stage.up(stage.write)
    assert stage.holds()


@pytest.mark.parametrize(("days", "same"), [(1, True), (-1, False)])
def test_a_certificate_that_is_due_is_left_to_the_engine(
    monkeypatch: pytest.MonkeyPatch, days: int, same: bool
) -> None:
    """By the provider of hosts itself: time goes on while nothing is changed."""
    planned = props(engines={}, certificates={"jaeger": ""})
    key = serialization.load_pem_private_key(AUTHORITY.key.encode(), password=None).public_key()
    shown = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    begun = datetime.now(UTC) - tls.LEAF_LIFE + tls.RENEW + timedelta(days=days)
    has = Survey("x86_64", "Linux", 0, "systemd", 252, 0, (), 1, "/", (), record="{}")
    has = replace(has, authority=AUTHORITY.certificate)
    has = replace(has, certificates={"jaeger": (AUTHORITY.sign("jaeger", shown, (), begun), shown)})
    monkeypatch.setattr(HostProvider, "_survey", lambda *_: has)
    held = {**planned, "__provider": pickled(HostProvider())}
    assert ProviderHost().as_it_was("dev/h1", held, held) is same


def test_a_value_of_another_form_is_no_secret_that_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_key, "_ITERATIONS", ITERATIONS)
    key = derived(state(), LOCAL_PASSPHRASE)
    assert key
    assert key.opened([{"a": {**KINDS, "ciphertext": sealed("[1]", LOCAL_PASSPHRASE)}}]) == [{"a": [1]}]
    for text in ("", "v1", "v2:AAAA:BBBB", "v1:AAAA:BBBB", "v1:é:BBBB", sealed('"x"', "another")):
        with pytest.raises(Sealed):
            key.text(text)
    assert "key" not in repr(key)
