"""OpenSearch's own judgement of a configuration, through a throwaway node."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from components.inventory import BY_NAME
from components.render import opensearch as renderer
from components.render.text import texts
from tests import specs
from tests.engine.node import REPO
from vsi import tls
from vsi.site import FOLDERS, local_site

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """A unit whose staged files differ from the running ones, which are none."""
    tmp_path /= "with blänks"
    secrets = tmp_path / "secrets/tls"
    secrets.mkdir(parents=True)
    for name, content in tls.renewed({}, BY_NAME["opensearch"].certificates).items():
        (secrets / name).write_bytes(content)
    folder = tmp_path / "units/opensearch/conf.next"
    folder.mkdir(parents=True)
    (folder.parent / "conf").mkdir()
    name, target = renderer.TLS_LINK, FOLDERS.certificates
    (folder / name).symlink_to(target)
    spec = specs.spec(deploy={"port_base": 22700})
    for path, text in texts(renderer.render(spec, local_site(spec))).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def check(staged: Path, engine: Path) -> subprocess.CompletedProcess[str]:
    words = {"{python}": sys.executable, "{engine:opensearch}": str(engine)}
    command = [words.get(part, part) for part in renderer.CHECK_COMMAND]
    scratch = staged.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(REPO), "TMPDIR": str(scratch)}
    return subprocess.run(
        command, cwd=staged, capture_output=True, text=True, timeout=400, env=environment, check=False
    )


def nodes_of(staged: Path) -> list[int]:
    return [
        process.info["pid"]
        for process in psutil.process_iter(["pid", "cmdline"])
        if any(str(staged) in part for part in process.info["cmdline"] or [])
    ]


def test_what_we_render_is_accepted_and_nothing_stays(
    staged: Path, engine_folder: Callable[[str], Path]
) -> None:
    done = check(staged, engine_folder("opensearch"))
    assert (done.returncode, done.stderr) == (0, "")
    assert nodes_of(staged) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("opensearch.yml", "discovery.type:", "discovery.typo:", "unknown setting [discovery.typo]"),
        ("opensearch.yml", "tls/opensearch.pem", "tls/absent.pem", "absent.pem"),
        ("jvm.options", "-Xms", "-Xnonsense", "-Xnonsense"),
    ],
)
def test_what_it_would_not_start_with_is_refused_with_its_reason(
    staged: Path, engine_folder: Callable[[str], Path], file: str, old: str, new: str, told: str
) -> None:
    path = staged / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    done = check(staged, engine_folder("opensearch"))
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_only_what_is_read_at_start_is_judged(staged: Path, tmp_path: Path) -> None:
    running = staged.parent / "conf"
    for source in staged.rglob("*"):
        target = running / source.relative_to(staged)
        if source.is_symlink():
            continue
        if source.is_dir():
            target.mkdir(exist_ok=True)
        else:
            target.write_bytes(source.read_bytes())
    (running / "opensearch.keystore").write_bytes(b"made at the first start")
    (staged / "setup/security/roles.json").write_text("{}")
    done = check(staged, tmp_path / "no-engine-is-needed")
    assert (done.returncode, done.stderr) == (0, "")
