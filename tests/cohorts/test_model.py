"""A cohort file is taken as it is meant, or refused with every reason, each with its line."""

from pathlib import Path

import pytest

from cohorts.load import load
from stacks.loader import StackFileError
from tests.cohorts.cases import cohort_file

GOOD = """\
name: otel
template: local
target: local
expires: '2026-12-05T18:00:00+01:00'
roster:
  - {name: Ana Müller, email: ana@example.org, team: red}
"""


def _refused(folder: Path, text: str) -> list[str]:
    with pytest.raises(StackFileError) as refused:
        load(cohort_file(folder, text), ["local"])
    assert refused.value.exit_code == 2
    return [str(problem).partition("cohort.yaml")[2] for problem in refused.value.problems]


def test_a_file_is_read(tmp_path: Path) -> None:
    found = load(cohort_file(tmp_path, GOOD), ["local"])

    assert [(one.name, one.email, one.team) for one in found.roster] == [
        ("Ana Müller", "ana@example.org", "red")
    ]
    assert found.expires.isoformat() == "2026-12-05T18:00:00+01:00"
    assert (found.parallel, found.warn_seconds, found.disk_mb) == (2, 86_400, 3072)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("name: otel", "name: Otel Dec", ":1: name = 'Otel Dec': expected lower-case letters"),
        ("name: otel", f"name: {'o' * 17}", ":1: name = 'ooooooooooooooooo': expected lower-case letters"),
        (
            "template: local",
            "template: lokal",
            ":2: template = 'lokal': expected a stack that has a file: local",
        ),
        (
            "target: local",
            "target: kubernetes",
            ":3: target = 'kubernetes': cohorts on kubernetes are not built yet",
        ),
        (
            "target: local",
            "target: kubernetes",
            ":3: target = 'kubernetes': cohorts on kubernetes are not built",
        ),
        (
            "target: local",
            "target: here",
            ":3: target = 'here': expected 'local', 'vsi', 'kubernetes' or 'aws'",
        ),
        (
            "'2026-12-05T18:00:00+01:00'",
            "'2026-12-05'",
            ":4: expires = '2026-12-05': expected a point in time",
        ),
        ("'2026-12-05T18:00:00+01:00'", "soon", ":4: expires = 'soon': expected a point in time"),
        ("'2026-12-05T18:00:00+01:00'", "7", ":4: expires = 7: expected a point in time"),
        ("roster:\n", "warm: 2h\nroster:\n", ":5: warm = '2h': unknown key; expected one of access,"),
        ("roster:\n", "ports: {first: 23000, last: 23100}\nroster:\n", ":5: ports: expected first and last"),
        ("roster:\n", "parallel: 0\nroster:\n", ":5: parallel = 0: expected a number of at least 1"),
        ("roster:\n", "quotas: {disk: much}\nroster:\n", ":5: quotas.disk = 'much': expected a whole number"),
        ("team: red", "team: Red", ":6: roster[0].team = 'Red': expected lower-case letters"),
        (
            "team: red",
            "teem: red",
            ":6: roster[0].teem = 'red': unknown key; expected one of email, hosts, name, team",
        ),
        ("name: Ana Müller", "name: ''", ":6: roster[0].name = '': expected at least 1"),
        ("name: Ana Müller", "name: ' '", ":6: roster[0].name = ' ': expected a name of characters"),
        ("name: Ana Müller, ", "", ":6: roster[0].name: missing"),
    ],
)
def test_what_is_wrong_is_told_with_key_value_and_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD

    (found,) = _refused(tmp_path, GOOD.replace(old, new))

    assert found.startswith(says)


@pytest.mark.parametrize(
    "address",
    [
        "ana",
        "ana@",
        "@example.org",
        "ana@example",
        "ana@@example.org",
        "ana@exa mple.org",
        "ana@example..org",
        ".ana@example.org",
        "Ana <ana@example.org>",
        "ana@example.org,bo@example.org",
        "ana@example.org\\n",
        f"{'a' * 250}@example.org",
    ],
)
def test_an_odd_e_mail_is_refused(tmp_path: Path, address: str) -> None:
    (found,) = _refused(tmp_path, GOOD.replace("ana@example.org", f'"{address}"'))

    assert ":6: roster[0].email = " in found
    assert "expected one e-mail address, as in 'ana@example.org'" in found


@pytest.mark.parametrize(
    "address", ["ana.o'neil+course@mail.example.org", "ana@münchen.example", "jürgen@example.org"]
)
def test_an_unusual_e_mail_is_taken(tmp_path: Path, address: str) -> None:
    found = load(cohort_file(tmp_path, GOOD.replace("ana@example.org", f'"{address}"')), ["local"])

    assert found.roster[0].email == address


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("name: otel", "name: Otel").replace("team: red", "team: Red")

    assert len(_refused(tmp_path, text)) == 2


def test_an_empty_roster_is_refused(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("roster:")] + "roster: []\n"

    assert _refused(tmp_path, text) == [":5: roster: expected at least one entry"]


def test_one_e_mail_is_one_participant_however_it_is_written(tmp_path: Path) -> None:
    text = GOOD + "  - {name: Ana, email: ANA@example.org}\n"

    (found,) = _refused(tmp_path, text)

    assert found.startswith(
        ":7: roster[1].email = 'ANA@example.org': expected each e-mail once: roster[0] has"
    )


@pytest.mark.parametrize("text", ["", "[]\n", "just words\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (found,) = _refused(tmp_path, text)

    assert "expected a mapping with the keys name, template, target" in found


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StackFileError, match="No such file"):
        load(tmp_path / "none.yaml", ["local"])
