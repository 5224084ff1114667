"""Which installed packages go along, and whether they are what the lock says."""

import base64
import hashlib
import sys
from importlib import metadata
from pathlib import Path

import pytest

from engines.errors import EngineError
from engines.packages import Pin, closure, copy, locked, pinned

LOCK = """\
# made by a tool
one-two==1.0 \\
    --hash=sha256:bb \\
    --hash=sha256:aa
    # via
    #   three
three==3.1 ; python_full_version < '3.99' \\
    --hash=sha256:cc
    # via -r runtime.in
"""


def installed(folder: Path, name: str, *needs: str, files: dict[str, bytes] | None = None) -> Path:
    """A package in `folder`, as an installer leaves it."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    lines = [f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {need}" for need in needs)]
    (info / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")
    record = [f"{info.name}/METADATA,,", f"{info.name}/RECORD,,"]
    for path, content in (files or {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={digest},{len(content)}")
    (info / "RECORD").write_text("\n".join(record) + "\n")
    return folder


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    return tmp_path / "site"


def test_what_a_package_asks_for_comes_along_and_what_is_for_others_does_not(site: Path) -> None:
    installed(
        site, "Toy.Shop", "toy_till>=1", "toy-never; sys_platform == 'plan9'", "toy-extra; extra == 'all'"
    )
    installed(site, "toy-till", "Toy-Shop", "toy-coin[shiny]")  # a ring ends
    installed(site, "toy-coin", "toy-polish; extra == 'shiny'", "toy-extra; extra == 'dull'")
    installed(site, "toy-polish")
    assert list(closure(["toy-shop"])) == ["toy-coin", "toy-polish", "toy-shop", "toy-till"]


def test_an_extra_that_is_asked_for_later_counts_too(site: Path) -> None:
    installed(site, "toy-coin", "toy-polish; extra == 'shiny'")
    installed(site, "toy-polish")
    installed(site, "toy-shop", "toy-coin[shiny]")
    assert "toy-polish" in closure(["toy-shop", "toy-coin"])


def test_a_package_that_is_not_installed_is_named(site: Path) -> None:
    installed(site, "toy-shop", "toy-till")
    with pytest.raises(EngineError, match=r"the Python package toy-till is not installed; `make setup`"):
        closure(["toy-shop"])


def test_a_lock_is_read_with_all_its_hashes(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(LOCK)
    assert locked(tmp_path / "lock") == {
        "one-two": Pin("1.0", ("sha256:aa", "sha256:bb")),
        "three": Pin("3.1", ("sha256:cc",)),
    }


def test_what_is_installed_must_be_what_is_locked(site: Path) -> None:
    installed(site, "toy-shop", "toy-till")
    installed(site, "toy-till")
    found = closure(["toy-shop"])
    pins = {"toy-shop": Pin("1.0", ()), "toy-till": Pin("1.0", ()), "other": Pin("2", ())}
    assert pinned(found, pins).keys() == found.keys()
    with pytest.raises(
        EngineError, match=r"toy-shop is 1\.0, the lock has none; toy-till is 1\.0, locked is 2\."
    ):
        pinned(found, {"toy-till": Pin("2", ())})


def test_modules_and_data_are_copied_programs_and_compiled_modules_are_not(
    site: Path, tmp_path: Path
) -> None:
    files = {"toy/__init__.py": b"x = 1\n", "toy/data.txt": b"data", "toy/__pycache__/m.pyc": b"compiled"}
    installed(site, "toy", files=files | {"../bin/toy": b"#!/usr/bin/python\n"})
    copy(metadata.distribution("toy"), tmp_path / "out")
    copied = {
        p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    assert copied == {"toy/__init__.py", "toy/data.txt", "toy-1.0.dist-info/METADATA"}


def test_what_was_added_to_a_file_stays_behind_and_a_change_is_refused(site: Path, tmp_path: Path) -> None:
    installed(site, "toy", files={"toy/ca.pem": b"authorities\n"})
    (site / "toy" / "ca.pem").write_bytes(b"authorities\nand one of this company\n")
    copy(metadata.distribution("toy"), tmp_path / "out")
    assert (tmp_path / "out" / "toy" / "ca.pem").read_bytes() == b"authorities\n"
    (site / "toy" / "ca.pem").write_bytes(b"other things\n")
    with pytest.raises(EngineError, match=r"toy/ca\.pem is not as the package toy brought it"):
        copy(metadata.distribution("toy"), tmp_path / "again")
