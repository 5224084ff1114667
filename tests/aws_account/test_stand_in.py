"""A stand-in for AWS on this machine: what is started, asked with nobody's credentials, and ended."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import ValidationError

from aws import stand_in
from aws.account.ask import Asking
from aws.account.preflight import preflight
from aws.account.status import status
from aws.parts import NOBODY, AwsPlan
from aws.plan import plan
from aws.target import TARGET
from components.errors import SuiteError
from components.spec.aws import SERVICES
from obs.stand_in import standing
from tests.aws.account import spec
from tests.ports import free_base

STACK = "training-aws"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsPlan]:
    """Planned for a free port; what was started for it is ended."""
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    deploy = {"port_base": free_base(200)}
    yield plan(spec(aws={"stand_in": True}, deploy=deploy), STACK)
    stand_in.end(STACK)


def test_all_services_are_replaced_and_no_secret_is_asked_for(stack: AwsPlan) -> None:
    assert dict(stack.endpoints) == dict.fromkeys(SERVICES, f"http://127.0.0.1:{stack.stand_in}")
    assert stack.secrets == ()
    assert any(part.given for part in stack.parts if part.name == "alerting")


def test_it_is_asked_with_credentials_of_nobody(stack: AwsPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    given = Asking.of(stack).session.get_credentials()
    assert (given.access_key, given.secret_key) == (NOBODY, NOBODY)


@pytest.mark.parametrize(
    ("aws", "told"),
    [
        ({"account": "210987654321"}, "expected `account` to be '123456789012'"),
        ({"endpoints": {"s3": "http://127.0.0.1:5000"}}, "expected no `endpoints` beside `stand_in`"),
    ],
)
def test_what_does_not_fit_is_refused(aws: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        spec(aws={"stand_in": True, **aws})


def test_without_it_the_plan_is_for_aws(stack: AwsPlan) -> None:
    real = plan(spec(), "prod-aws")
    assert (real.stand_in, real.endpoints) == (0, ())
    assert Asking.of(real).session is None
    assert TARGET.stand_in is not None
    assert not TARGET.stand_in.start("prod-aws", real)


def test_a_life_on_this_machine(stack: AwsPlan) -> None:
    """Started once, asked, killed, started anew, and ended with its folder."""
    [before] = preflight(stack)
    assert (before.key, before.fatal) == ("stand-in", False)
    assert "obs up training-aws starts it" in before.what_to_do
    [row] = status(stack)
    assert row.state == "unreachable"
    assert "obs up training-aws starts its stand-in" in row.silence

    assert TARGET.stand_in is not None
    assert TARGET.stand_in.start(STACK, stack)
    assert not TARGET.stand_in.start(STACK, stack), "it runs"
    assert not TARGET.stand_in.start(STACK, None), "it runs, by what was recorded"
    assert preflight(stack) == []
    assert {found.state for found in status(stack)} == {"missing"}
    first = stand_in.recorded(STACK)
    assert first is not None
    assert str(stand_in.folder_of(STACK)) in psutil.Process(first.pid).cmdline(), "known by its stack"

    psutil.Process(first.pid).kill()
    psutil.wait_procs([psutil.Process(first.pid)], 10)
    assert not stand_in.runs(STACK)
    with standing(STACK):  # by what was recorded
        second = stand_in.recorded(STACK)
        assert second is not None
        assert second.pid != first.pid
        assert second.port == first.port
    assert stand_in.recorded(STACK) is None, "nothing of the stack is in the engine's state"
    assert not stand_in.folder_of(STACK).parent.exists()
    assert not stand_in.taken(stack.stand_in)


def test_a_port_that_another_has_is_told(stack: AwsPlan) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", stack.stand_in))
        taken.listen()
        [found] = preflight(stack)
        assert (found.fatal, "another program listens on" in str(found.value)) == (True, True)
        with pytest.raises(SuiteError, match=rf"127\.0\.0\.1:{stack.stand_in}: port .* is taken"):
            stand_in.start(STACK, stack.stand_in)
    assert stand_in.recorded(STACK) is None


def test_a_number_that_is_another_process_by_now_is_left_alone(stack: AwsPlan) -> None:
    folder = stand_in.folder_of(STACK)
    folder.mkdir(parents=True)
    (folder / "process.json").write_text(f'{{"pid": {os.getpid()}, "created": 1.0, "port": 1}}')
    assert stand_in.end(STACK)
    os.kill(os.getpid(), signal.SIGCONT)  # alive
    assert not folder.exists()


def test_moto_that_is_not_there_is_told(stack: AwsPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in, "installed", lambda: False)
    [found] = preflight(stack)
    assert (found.fatal, found.what_to_do) == (True, "make setup")
    with pytest.raises(SuiteError, match="moto, which is not installed here"):
        stand_in.start(STACK, stack.stand_in)
