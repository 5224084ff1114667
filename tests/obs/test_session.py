"""A failure is told per unit: the engine's own words, the log, what to do, and no secret."""

from pathlib import Path

import pytest

from obs import session
from obs.errors import BadInput
from obs.parts import Parts
from obs.passphrase import PASSPHRASES
from obs.progress import Watcher
from obs.pulumi import PulumiFailed
from obs.session import explain
from vsi.unit import HostUnit


def test_a_failed_unit_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    (tmp_path / "local" / "units" / "jaeger" / "log").mkdir(parents=True)
    secrets = tmp_path / "local" / "secrets"
    secrets.mkdir()
    (secrets / "opensearch-jaeger").write_text("pa55word-of-jaeger")
    watcher = Watcher(
        Parts([HostUnit]),
        failed={"jaeger@local": "update"},
        errors=[("jaeger@local", "jaeger: unknown field 'x'\nin config.yaml with pa55word-of-jaeger")],
    )
    explain("local", "destroy local", watcher, PulumiFailed("code: 255"))
    shown = capsys.readouterr().err
    assert "jaeger (update):" in shown
    assert "unknown field 'x'" in shown
    assert f"log: {tmp_path}/local/units/jaeger/log  (obs logs local jaeger)" in shown
    assert "then run again: obs destroy local\n" in shown
    assert "pa55word" not in shown
    assert "code: 255" not in shown


def test_a_failure_without_events_shows_what_the_engine_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    explain(
        "local", "up local", Watcher(Parts([HostUnit])), PulumiFailed("error: could not read the project")
    )
    assert "could not read the project" in capsys.readouterr().err


@pytest.mark.parametrize("stack", ["dev-vsi", "staging-k8s"])
def test_without_a_passphrase_a_stack_says_what_to_set(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PASSPHRASES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadInput, match="PULUMI_CONFIG_PASSPHRASE: not set"):
        session.check_passphrase(stack)


def test_the_local_stack_has_a_passphrase_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PASSPHRASES:
        monkeypatch.delenv(name, raising=False)
    session.check_passphrase("local")


def test_a_passphrase_may_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    session.check_passphrase("dev-vsi")


@pytest.mark.parametrize(
    "text", [None, "config:\n\tobs:spec: {}\n", "secretsprovider: awskms://alias/x\n\tbroken"]
)
def test_a_stack_file_that_is_gone_or_broken_keeps_nobody_from_a_session(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PASSPHRASES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session, "STACKS", tmp_path)
    if text is not None:
        (tmp_path / "Pulumi.cloud.yaml").write_text(text)
        (tmp_path / "Pulumi.local.yaml").write_text(text)
    session.check_passphrase("local")
    if text is None or "secretsprovider" in text:
        session.check_passphrase("cloud")
        return
    with pytest.raises(BadInput, match="not set"):
        session.check_passphrase("cloud")
