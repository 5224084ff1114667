"""Files and folders that somebody opened to others: told, and mended without a restart."""

import os
import stat
from pathlib import Path

import pytest

from components.plan import Secret
from tests.vsi.conftest import Place
from vsi import host
from vsi.inputs import inputs_of
from vsi.provider import UnitProvider
from vsi.unit import HostUnit

pytestmark = pytest.mark.engine
SECRETS = (
    Secret(name="hook", source="environment", key="HOOK"),
    Secret(name="made", source="generated", key=""),
)
GIVEN = {"secrets": SECRETS, "values": {"hook": "s3cret-Value"}, "tls_names": ("admin",)}


def unit_of(place: Place) -> HostUnit:
    return place.unit(files={"rules/a.yml": "tls/admin.pem"}, secrets=("hook", "made"))


@pytest.fixture
def standing(place: Place) -> Place:
    place.apply(unit_of(place), **GIVEN)
    return place


def drift(place: Place) -> str:
    (row,) = host.status(place.machine)
    return row.drift


def refreshed(place: Place) -> str:
    """What a refresh says of the process."""
    inputs = inputs_of(place.plan(unit_of(place), secrets=SECRETS, tls_names=("admin",)), unit_of(place), {})
    outs = UnitProvider().read("toys/local/alpha", inputs).outs
    assert outs is not None
    return str(outs["process_state"])


@pytest.mark.parametrize(
    ("path", "mode", "words"),
    [
        ("units/alpha/conf/app.conf", 0o644, "app.conf mode 0644"),
        ("units/alpha/conf/rules/a.yml", 0o660, "rules/a.yml mode 0660"),
        ("units/alpha/run", 0o777, "run script mode 0777"),
        ("supervisor/programs/alpha.conf", 0o604, "program file mode 0604"),
        ("secrets/hook", 0o644, "secret hook mode 0644"),
        ("secrets/made", 0o640, "secret made mode 0640"),
        ("secrets/tls/ca.key", 0o644, "tls/ca.key mode 0644"),
        ("secrets/tls/admin.key", 0o664, "tls/admin.key mode 0664"),
        ("secrets", 0o755, "folder toys/secrets mode 0755"),
        ("units/alpha/conf", 0o750, "folder toys/units/alpha/conf mode 0750"),
        (".", 0o711, "folder toys mode 0711"),
    ],
)
def test_what_others_can_read_is_told_and_mended(standing: Place, path: str, mode: int, words: str) -> None:
    assert (drift(standing), refreshed(standing)) == ("", "running")
    file = standing.state.root / path
    before, pid, kept = stat.S_IMODE(file.stat().st_mode), standing.pid(), content(file)
    file.chmod(mode)
    assert drift(standing) == f"access: {words}"
    assert refreshed(standing) == f"running, access: {words}"

    assert standing.apply(unit_of(standing), **GIVEN).action == "none"
    assert stat.S_IMODE(file.stat().st_mode) == before
    assert (content(file), standing.pid(), drift(standing)) == (kept, pid, "")


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("path", ["units/alpha/conf/app.conf", "secrets/hook", "secrets/tls/ca.key"])
def test_a_file_given_away_is_taken_back(standing: Place, path: str) -> None:
    file = standing.state.root / path
    kept, pid = content(file), standing.pid()
    os.chown(file, 65534, 65534)
    assert drift(standing).endswith("owner 65534")
    assert standing.apply(unit_of(standing), **GIVEN).action == "none"
    info = file.stat()
    assert (info.st_uid, stat.S_IMODE(info.st_mode), content(file)) == (0, 0o600, kept)
    assert (standing.pid(), drift(standing)) == (pid, "")
