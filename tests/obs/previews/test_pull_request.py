"""A pull request that changes one threshold, one retention, one chart version and one host, as CI runs it."""

import os
import shutil
import subprocess
import sys

import pytest

from obs.paths import ROOT
from obs.previews.markdown import MARKER
from tests.obs.previews.generated import host_key
from tests.obs.previews.repository import commit, copied, edit

ARROW = "\N{RIGHTWARDS ARROW}"
HOST = "        - {name: app-1, roles: [demo]}\n"
NEW = f"        - {{name: app-2, address: 192.0.2.77, roles: [agent], host_keys: [{host_key(77)}]}}\n"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> "subprocess.CompletedProcess[str]":
    root = copied(tmp_path_factory.mktemp("pull-request") / "clone")
    for name in ("obs", "cohorts", "plugins", "tools"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    commit(root)
    staging, servers = (root / "stacks" / f"Pulumi.{name}.yaml" for name in ("staging-k8s", "dev-vsi"))
    edit(staging, "size: 8GiB}\n", "size: 8GiB}\n      rules: {error_ratio: 0.03}\n")
    edit(staging, "      retention: 7d\n    tracing", "      retention: 5d\n    tracing")
    edit(
        root / "components" / "charts.py",
        '"opentelemetry-collector", "0.170',
        '"opentelemetry-collector", "0.171',
    )
    edit(servers, HOST, HOST + NEW)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OBS_", "PULUMI_"))}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "obs",
            "preview",
            "--all",
            "--changed-since",
            "HEAD",
            "--no-engine",
            "--markdown",
        ],
        cwd=root,
        env={**kept, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


def _stack(comment: str, name: str) -> str:
    return comment.partition(f"### {name}\n")[2].partition("\n### ")[0].partition("<details>")[0]


def test_one_comment_says_each_in_words(done: "subprocess.CompletedProcess[str]") -> None:
    comment = done.stdout
    assert comment.startswith(MARKER), done.stderr
    staging, servers = _stack(comment, "staging-k8s"), _stack(comment, "dev-vsi")
    assert f"- retention of logs: 7 days {ARROW} 5 days: log records older than 5 days are deleted" in staging
    assert f"- chart opentelemetry-collector 0.170.0 {ARROW} 0.171.0" in staging
    assert f": limit 5 % {ARROW} 3 %" in staging
    assert "alert ServiceErrorRatioHigh of " in staging
    assert "- host app-2: new" in servers
    created = servers.partition("Created: ")[2].partition("\n")[0]
    assert "host&#64;app-2" in created
    untouched = comment.partition("Nothing since then touches: ")[2].partition("\n")[0]
    assert {"local", "prod-aws"} <= set(untouched.rstrip(".").split(", "))


def test_what_loses_data_comes_first(done: "subprocess.CompletedProcess[str]") -> None:
    staging = _stack(done.stdout, "staging-k8s")
    found = [staging.index(title) for title in ("Loses data", "Against policy", "Changes:", "Changed:")]
    assert found == sorted(found)


def test_what_is_against_a_policy_names_its_file_and_line(done: "subprocess.CompletedProcess[str]") -> None:
    lines = (ROOT / "stacks" / "Pulumi.staging-k8s.yaml").read_text(encoding="utf-8").splitlines()
    number = next(n for n, text in enumerate(lines) if text == "      retention: 7d") + 2  # a line came above
    place = f"stacks/Pulumi.staging-k8s.yaml:{number}: retention-too-short: logging.retention: "
    assert f"{place}logs are kept for 5 days; tier staging expects 7 days at least" in done.stdout
    assert done.returncode == 1
