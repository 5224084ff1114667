"""What puts files into a task's volumes."""

import json
from pathlib import Path

import pytest

from agents import task_files


def _environment(folder: Path, **changes: object) -> dict[str, str]:
    settings = {
        "documents": [{"bucket": "config", "key": "jaeger.json", "version": "v1"}],
        "conf": str(folder / "conf"),
        "secrets": str(folder / "secrets"),
        "certificates": str(folder / "certificates"),
        "writable": [str(folder / "data")],
        "variables": {"opensearch-jaeger": "OPENSEARCH_JAEGER"},
        "owner": 65534,
        **changes,
    }
    return {"FILES": json.dumps(settings), "OPENSEARCH_JAEGER": "a password"}


def _documents(_given: task_files.Documents) -> bytes:
    return json.dumps({"jaeger.yaml": "a: 1\n", "setup/settings.json": "{}\n"}).encode()


def test_documents_secrets_and_authorities_are_in_their_place(tmp_path: Path) -> None:
    assert task_files.main(_environment(tmp_path), _documents) == 0
    assert (tmp_path / "conf/jaeger.yaml").read_text() == "a: 1\n"
    assert (tmp_path / "conf/setup/settings.json").read_text() == "{}\n"
    secret = tmp_path / "secrets/opensearch-jaeger"
    assert secret.read_text() == "a password"
    assert secret.stat().st_mode & 0o777 == 0o400
    assert "BEGIN CERTIFICATE" in (tmp_path / "certificates/ca.pem").read_text()
    assert (tmp_path / "data").is_dir()


def test_a_secret_that_did_not_come_is_told_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = _environment(tmp_path)
    del environment["OPENSEARCH_JAEGER"]
    assert task_files.main(environment, _documents) == 1
    assert capsys.readouterr().err == "variable 'OPENSEARCH_JAEGER' is not set\n"


def test_settings_that_are_none_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert task_files.main(_environment(tmp_path, owner="nobody"), _documents) == 1
    assert "owner" in capsys.readouterr().err
    assert task_files.main({}, _documents) == 1


def test_documents_that_cannot_be_had_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def denied(_given: task_files.Documents) -> bytes:
        raise OSError("access denied")

    assert task_files.main(_environment(tmp_path), denied) == 1
    assert "access denied" in capsys.readouterr().err


def test_a_pod_reads_its_secrets_itself_and_begins_again_where_they_are(tmp_path: Path) -> None:
    environment = _environment(tmp_path, variables={}, stored={"opensearch-jaeger": "obs/local/jaeger"})
    for password in ("the first", "the second"):
        told = {"obs/local/jaeger": password}.__getitem__
        assert task_files.main(environment, _documents, told) == 0
        secret = tmp_path / "secrets/opensearch-jaeger"
        assert secret.read_text() == password
        assert secret.stat().st_mode & 0o777 == 0o400


def test_a_secret_that_a_pod_may_not_read_is_told_without_its_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def denied(name: str) -> str:
        raise OSError(f"access to {name} denied")

    environment = _environment(tmp_path, variables={}, stored={"opensearch-jaeger": "obs/local/jaeger"})
    assert task_files.main(environment, _documents, denied) == 1
    assert "access to obs/local/jaeger denied" in capsys.readouterr().err
