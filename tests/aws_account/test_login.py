"""Who logs Docker in where images are pushed: no login is in a plan, in a file, or with who does not ask."""

import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from aws.login import FILE, HELPER, VARIABLE, check, variables, without
from aws.parts import AwsPlan
from aws.plan import plan
from components.errors import SuiteError
from plugins.registry_login import main
from tests import specs
from tests.aws.account import without_account
from tests.aws_account.test_images import HOST, _spec, _stack

OTHERS = {"auths": {"registry.example": {"auth": "bWU6bXkgb3du"}}, "credHelpers": {"gcr.io": "gcloud"}}


@pytest.fixture(scope="module")
def building() -> AwsPlan:
    return plan(_spec(_stack()), "prod-aws")


def _docker(folder: Path, configuration: Any) -> dict[str, str]:
    """An environment with Docker's configuration."""
    folder.mkdir()
    (folder / FILE).write_text(configuration if isinstance(configuration, str) else json.dumps(configuration))
    return {VARIABLE: str(folder)}


def _written(given: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(given[VARIABLE]) / FILE).read_text())
    return found


def test_docker_is_told_who_logs_in_beside_what_it_knows(building: AwsPlan, tmp_path: Path) -> None:
    environ = _docker(tmp_path / "own", OTHERS)
    given = variables(building, environ, tmp_path)
    assert _written(given) == {**OTHERS, "credHelpers": {"gcr.io": "gcloud", HOST: HELPER}}
    assert json.loads((tmp_path / "own" / FILE).read_text()) == OTHERS, "which stays as it is"
    folder = Path(given[VARIABLE])
    assert folder.is_relative_to(tmp_path / ".state" / "prod-aws")
    assert (folder.stat().st_mode & 0o777, (folder / FILE).stat().st_mode & 0o777) == (0o700, 0o600)


def test_what_was_made_of_it_is_not_taken_for_it(
    building: AwsPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `eval "$(obs env prod-aws)"`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    _docker(tmp_path / ".docker", OTHERS)
    first = variables(building, {}, tmp_path)
    (tmp_path / ".docker" / FILE).write_text("{}")
    assert _written(variables(building, first, tmp_path)) == {"credHelpers": {HOST: HELPER}}


def test_nobody_else_needs_a_docker(tmp_path: Path) -> None:
    named = plan(specs.spec_on_aws(), "prod-aws")
    assert variables(named, _docker(tmp_path / "own", "{"), tmp_path) == {}
    check(named)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_configuration_that_is_none_is_told(building: AwsPlan, tmp_path: Path, text: str) -> None:
    with pytest.raises(SuiteError, match=r"DOCKER_CONFIG: .*config\.json: .*expected Docker's configuration"):
        variables(building, _docker(tmp_path / "own", text), tmp_path)


@pytest.mark.parametrize(
    ("configuration", "absent"),
    [
        ({}, [HOST]),
        (OTHERS, [HOST]),
        ({"credHelpers": {HOST: "ecr-login"}}, []),
        ({"auths": {f"https://{HOST}": {}}}, []),
        ({"credsStore": "pass"}, []),
    ],
)
def test_who_types_pulumi_by_hand_is_told_how_to_log_in(
    building: AwsPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configuration: Any, absent: list[str]
) -> None:
    environ = _docker(tmp_path / "own", configuration)
    assert list(without(building, environ)) == absent
    monkeypatch.setenv(VARIABLE, environ[VARIABLE])
    if absent:
        with pytest.raises(SuiteError, match=r'eval "\$\(obs env prod-aws\)", or docker login'):
            check(building)
    else:
        check(building)


def test_the_helper_asks_aws_for_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    without_account(monkeypatch)
    told = io.StringIO()
    with mock_aws():
        assert main("get", io.StringIO(f"{HOST}\n"), told) == 0
    found = json.loads(told.getvalue())
    assert found == {"ServerURL": HOST, "Username": "AWS", "Secret": found["Secret"]}
    assert found["Secret"]


@pytest.mark.parametrize(
    ("command", "server", "words"),
    [
        ("get", "registry.example", "registry.example is no registry of AWS"),
        ("get", f"{HOST}.example", "is no registry of AWS"),
        ("store", "{}", "keeps none"),
        ("list", "", "has no 'list'"),
        ("", "", "has no ''"),
    ],
)
def test_what_it_cannot_give_is_told(command: str, server: str, words: str) -> None:
    told = io.StringIO()
    assert main(command, io.StringIO(server), told) == 1
    assert words in told.getvalue()


def test_as_docker_runs_it(building: AwsPlan, tmp_path: Path) -> None:
    """By its name, from wherever; a line says why there is no login, without a traceback."""
    from obs.paths import PLUGINS

    [name] = set(_written(variables(building, {"HOME": "/"}, tmp_path))["credHelpers"].values())
    environment = {
        "PATH": f"{PLUGINS}:{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
    }
    done = subprocess.run(
        [PLUGINS / f"docker-credential-{name}", "get"],
        input=HOST,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert f"AWS gives no login for {HOST}: " in done.stdout
