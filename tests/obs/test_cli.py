"""The command line teaches, refuses in words, and starts fast."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from components.spec import Spec
from engines.errors import BadRequest, EngineError
from obs import cli, crash
from obs.cli import app, command
from obs.commands import host, stack, tools  # noqa: F401 - they add the commands
from obs.describe import describe
from obs.errors import BadInput, Interrupted, Locked, ObsError
from tests import specs
from vsi.errors import DeployError

ROOT = Path(cli.__file__).parent.parent
COMMANDS = (
    "up", "preview", "refresh", "destroy", "status", "logs", "stop", "start",
    "verify", "render", "engines", "env",
)  # fmt: skip
SLOW = ("pulumi", "pyinfra", "grpc", "pydantic", "httpx", "components.spec")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("OBS_DEBUG", raising=False)


@pytest.fixture
def failing() -> Iterator[list[BaseException]]:
    """A command `fail` that raises what the list holds."""
    errors: list[BaseException] = []
    count = len(app.registered_commands)

    @command
    def fail() -> int:
        raise errors[0]

    yield errors
    del app.registered_commands[count:]


def test_help_names_every_command_with_examples_and_exit_codes() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    for name in COMMANDS:
        assert f"  {name} " in shown.output
    assert "pulumi preview -s local" in shown.output
    assert "130  interrupted" in shown.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert "Usage:" in shown.output


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ObsError("failed"), 1),
        (DeployError("jaeger", "not ready"), 1),
        (EngineError("no such engine"), 1),
        (BadRequest("no such channel"), 2),
        (ValueError("nobody foresaw"), 1),
        (BadInput("bad"), 2),
        (Locked("held"), 3),
        (Interrupted(""), 130),
        (KeyboardInterrupt(), 130),
        (typer.Abort(), 130),
    ],
)
def test_exit_codes(failing: list[BaseException], error: BaseException, code: int) -> None:
    failing.append(error)
    result = CliRunner().invoke(app, ["fail"])
    assert result.exit_code == code
    assert "Traceback" not in result.output
    assert str(error).splitlines()[:1] == [
        line for line in str(error).splitlines()[:1] if line in result.output
    ]


@pytest.mark.parametrize(
    "error", [DeployError("jaeger", "as pa55word-on-host"), EngineError("pa55word-on-host")]
)
def test_no_error_tells_a_secret(failing: list[BaseException], error: BaseException, tmp_path: Path) -> None:
    (tmp_path / "local" / "secrets").mkdir(parents=True)
    (tmp_path / "local" / "secrets" / "opensearch-admin").write_text("pa55word-on-host")
    failing.append(error)
    result = CliRunner().invoke(app, ["fail"])
    assert "[secret]" in result.output
    assert "pa55word" not in result.output


def test_a_unit_that_did_not_start_tells_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "local" / "secrets").mkdir(parents=True)
    (tmp_path / "local" / "secrets" / "opensearch-admin").write_text("pa55word-on-host")
    failure = DeployError("jaeger", "its last lines: login as pa55word-on-host failed")
    monkeypatch.setattr("vsi.host.start", lambda *_arguments, **_options: [failure])
    monkeypatch.setattr("vsi.host.records", lambda _state: {"jaeger": None})
    result = CliRunner().invoke(app, ["start", "local"])
    assert result.exit_code == 1
    assert "login as [secret] failed" in result.output


def test_secrets_of_a_stack_file_are_hidden_once_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    named = [{"name": "route", "source": "environment", "key": "PAGER_ROUTE"}]
    spec = Spec.model_validate_json(json.dumps(specs.stack(secrets=named)))
    monkeypatch.setattr("stacks.loader.load", lambda *_arguments, **_options: spec)
    monkeypatch.setattr("vsi.plan.plan", lambda *_arguments: SimpleNamespace(secrets=()))
    monkeypatch.setattr(crash, "_named", set())
    monkeypatch.setenv("PAGER_ROUTE", "r0uting-value")
    describe("local")
    assert crash.mask("told r0uting-value") == "told [secret]"


@pytest.mark.parametrize("name", ["refresh", "destroy", "stop", "start"])
def test_a_state_folder_that_cannot_be_written_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBS_STATE_DIR", "/proc/x")
    result = CliRunner().invoke(app, [name, "local", *(["--yes"] if name == "destroy" else [])])
    assert result.exit_code == 1
    assert "OBS_STATE_DIR: /proc/x" in result.output
    assert "set OBS_STATE_DIR to a folder of yours" in result.output
    assert "Traceback" not in result.output


def test_debug_shows_what_nobody_foresaw(
    failing: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBS_DEBUG", "")  # restored after the test, which sets it
    failing.append(ValueError("nobody foresaw"))
    result = CliRunner().invoke(app, ["--debug", "fail"])
    assert isinstance(result.exception, ValueError)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "engines"])
def test_an_unknown_environment_is_refused_with_those_there_are(name: str) -> None:
    result = CliRunner().invoke(app, [name, "nowhere"])
    assert result.exit_code == 2
    assert "nowhere" in result.output
    assert "local" in result.output


@pytest.mark.parametrize(
    "arguments", [["up", "--bogus"], ["bogus"], ["logs", "local", "-n", "x"], ["render", "--out"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_an_unknown_unit_is_refused() -> None:
    result = CliRunner().invoke(app, ["logs", "local", "nothing"])
    assert result.exit_code == 2
    assert "nothing" in result.output


def test_destroy_asks_nobody_where_nobody_is() -> None:
    result = CliRunner().invoke(app, ["destroy", "local"])
    assert result.exit_code == 2
    assert "--yes" in result.output


@pytest.mark.parametrize("name", ["start", "stop", "logs"])
def test_where_nothing_is_deployed_there_is_nothing_to_do(name: str) -> None:
    result = CliRunner().invoke(app, [name, "local"])
    assert result.exit_code == 1
    said = result.output + result.stderr
    assert "nothing of 'local' was brought up from here. Bring it up: obs up local" in said


def test_status_of_nothing_says_what_to_do() -> None:
    result = CliRunner().invoke(app, ["status", "local"])
    assert result.exit_code == 1
    assert "obs up local" in result.output
    empty = CliRunner().invoke(app, ["status", "local", "--json"])
    assert '"units": []' in empty.stdout


def test_help_imports_nothing_slow() -> None:
    program = (
        "import sys; sys.argv = ['obs', '--help']\n"
        "from obs.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"sys.stderr.write(' '.join(m for m in {SLOW!r} if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
