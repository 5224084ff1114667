"""A Redis that asks for a password which stands in no argument of its process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from agents.redis_asking import main
from agents.redis_exporter import RedisMetrics
from tests.demo.support import REDIS
from tests.ports import free_port
from tests.waiting import until

ROOT = Path(__file__).parents[2]
PASSWORD = "-a_password-of-24-letters"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "redis.conf").write_text(f"bind 127.0.0.1\nport {free_port()}\nsave ''\n")
    (tmp_path / "password").write_text(PASSWORD)
    return tmp_path


@pytest.fixture
def process(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "agents.redis_asking", "--server", str(REDIS)]
    command += ["--configuration", "redis.conf", "--password-file", "password"]
    with (folder / "log").open("wb") as log:
        made = subprocess.Popen(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log
        )
    yield made
    made.terminate()
    assert made.wait(30) == 0, "the server itself, which a signal stops in good order"


def _greeted(url: str) -> bool:
    try:
        return bool(redis.Redis.from_url(url, password=PASSWORD).ping())
    except redis.ConnectionError:
        return False


def test_who_knows_the_password_is_answered_and_nobody_else(
    folder: Path, process: "subprocess.Popen[bytes]"
) -> None:
    port = (folder / "redis.conf").read_text().split()[3]
    url = f"redis://127.0.0.1:{port}/0"
    until(lambda: _greeted(url), f"it answers; {folder / 'log'}")

    for wrong in (None, "x", f"{PASSWORD}x"):
        with pytest.raises((redis.AuthenticationError, redis.ResponseError)):
            redis.Redis.from_url(url, password=wrong).flushall()
    assert PASSWORD not in " ".join(psutil.Process(process.pid).cmdline())
    up, *_ = RedisMetrics(url, str(folder / "password"))(5)
    assert [sample.value for sample in up.samples] == [1.0]
    up, *_ = RedisMetrics(url)(5)
    assert [sample.value for sample in up.samples] == [0.0]


@pytest.mark.parametrize("password", ["", "short", "two words that are long enough", "x" * 20 + "\nport 1"])
def test_what_redis_would_read_as_something_else_is_refused(
    password: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "password").write_text(password)
    given = ["--server", str(REDIS), "--configuration", str(folder / "redis.conf")]

    assert main([*given, "--password-file", str(folder / "password")]) == 2
    assert f"{folder / 'password'}: expected 16 or more" in capsys.readouterr().err
    assert main([*given, "--password-file", str(folder / "none")]) == 2
