"""Stack files of heads are written by us, by Pulumi and by participants; cohort files by people alone."""

from pathlib import Path

import pytest

from cohorts.files import core, digest, extended, put, set_expiry
from components.errors import SuiteError

TEXT = "# expires: 2026\nconfig:\n  obs:spec:\n    a: 1\n"


def test_the_salt_stays_when_the_template_changes(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    put(file, TEXT, "")
    file.write_text(TEXT + "encryptionsalt: v1:abc=\n", encoding="utf-8")
    newer = TEXT.replace("a: 1", "a: 2")

    assert put(file, newer, digest(TEXT)) == "written"
    assert file.read_text(encoding="utf-8") == newer + "encryptionsalt: v1:abc=\n"


def test_a_file_that_pulumi_laid_out_anew_is_not_an_edited_one(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("encryptionsalt: v1:abc=\nconfig: {'obs:spec': {a: 1}}\n", encoding="utf-8")

    assert put(file, TEXT.replace("a: 1", "a: 2"), digest(TEXT)) == "written"


def test_an_edited_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(TEXT.replace("a: 1", "a: 7"), encoding="utf-8")

    assert put(file, TEXT.replace("a: 1", "a: 2"), digest(TEXT)) == "edited"
    assert put(file, TEXT, digest(TEXT)) == "same"
    assert "a: 7" in file.read_text(encoding="utf-8")


def test_one_that_is_no_yaml_any_more_is_edited(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config: [", encoding="utf-8")

    assert put(file, TEXT, "other") == "edited"


def test_a_file_that_nobody_here_wrote_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config: {}\n", encoding="utf-8")

    with pytest.raises(SuiteError, match="there already"):
        put(file, TEXT, "")


def test_what_a_killed_run_wrote_is_ours(tmp_path: Path) -> None:
    """It was written, and the digest not yet recorded."""
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(TEXT, encoding="utf-8")

    assert put(file, TEXT, "") == "same"


def test_the_expiry_in_a_stack_file_moves_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(TEXT, encoding="utf-8")

    set_expiry(file, "2027")
    set_expiry(tmp_path / "none", "2027")

    assert file.read_text(encoding="utf-8") == TEXT.replace("2026", "2027")


def test_a_cohort_file_is_extended_in_its_one_line() -> None:
    before = "name: otel # mine\nexpires: '2026-12-05T18:00:00Z' # the last day\nroster: []\n"

    assert extended(before, "2027") == before.replace("2026-12-05T18:00:00Z", "2027")
    assert extended('expires: "2026"\n', "2027") == "expires: '2027'\n"
    assert extended("{name: otel, expires: '2026'}\n", "2027") is None


def test_one_that_was_extended_is_nobodys_edit(tmp_path: Path) -> None:
    file, before = tmp_path / "Pulumi.head.yaml", "tags:\n  expiry: '2026-12-09'\nlimit: 5\n"
    mended = before.replace("5", "6").replace("09", "11")
    put(file, before, "")
    set_expiry(file, "2026-12-11T18:00:00+01:00")
    assert put(file, mended, digest(before)) == "edited"
    assert put(file, mended, digest(before), core(before)) == "written"
    assert file.read_text() == mended
    file.write_text(mended.replace("6", "7"))
    assert put(file, mended.replace("6", "8"), digest(mended), core(mended)) == "edited"
