"""A handout says where a participant's things are, needs no network, and holds no secret."""

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

import obs.cohort_handout
from cohorts.exercises import EXERCISES, able
from cohorts.handout import Sheet, page
from cohorts.record import OURS, Record
from cohorts.template import plan_of, spec_of, template_of
from obs.cohort_handout import handout
from obs.errors import ObsError
from tests.cohorts.cases import cohort
from tests.cohorts.records import begun, entry

SHEET = Sheet(
    name="Ana <b>Müller</b> & Co.",
    cohort="otel",
    stack="cohort-otel-ana",
    expires="2026-12-05 18:00 UTC+01:00",
    access="ssh train@lab.example.org",
    rows=[("start page", "http://127.0.0.1:23041/"), ("<script>", "http://127.0.0.1:1/?a=1&b=2")],
    names={"prometheus": "http://127.0.0.1:23000", "pages": "http://127.0.0.1:23041"},
)
VOID = {"meta", "br", "hr", "img", "link", "input"}


class _Reader(HTMLParser):
    """Elements that are not closed in their order, what is loaded from elsewhere, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_loads_nothing() -> None:
    read = _Reader(page(SHEET))

    assert read.open == []
    assert read.loaded == []
    assert "@import" not in page(SHEET)
    assert "url(" not in page(SHEET)


def test_names_and_addresses_are_shown_as_they_are() -> None:
    read = _Reader(page(SHEET))

    assert "Ana <b>Müller</b> & Co." in read.text
    assert "http://127.0.0.1:1/?a=1&b=2" in read.text
    assert "<script>" not in page(SHEET)
    for words in ("cohort-otel-ana", "2026-12-05 18:00 UTC+01:00", "ssh train@lab.example.org"):
        assert words in read.text


def test_only_what_the_head_can_do_is_an_exercise() -> None:
    assert [one.title for one in able(SHEET.names)] == ["Ask the metrics", "Observability as code"]
    assert "Something is broken" not in page(SHEET)


def test_every_exercise_has_its_addresses() -> None:
    needs = {need for one in EXERCISES for need in one.needs}
    names = {need: f"http://at-{need}" for need in needs}
    everything = Sheet("Ana", "otel", "cohort-otel-ana", "later", "", [], names)

    read = _Reader(page(everything))

    assert len(able(names)) == len(EXERCISES)
    assert all(f"http://at-{need}" in read.text for need in needs)
    assert not re.search(r"\{[a-z]+\}", read.text), "a name that was not filled in"


def test_no_line_of_a_command_is_too_long_for_paper() -> None:
    """Where a line is broken for want of room, nobody sees whether it goes on. 72 fit on A4, and at 1280
    pixels, by the font's size there (looked at)."""
    longest = f"https://127.0.0.1:{65535}"
    names = {need: longest for one in EXERCISES for need in one.needs}
    names |= {"reader": "a" * 16 + "-reader", "logs": "a" * 16 + "-logs"}
    text = page(Sheet("Ana", "otel", f"cohort-{'c' * 16}-{'a' * 16}", "later", "", [], names))

    blocks = re.findall(r"<pre><code>(.*?)</code></pre>", text, re.DOTALL)
    assert len(blocks) >= len(EXERCISES)
    assert [line for block in blocks for line in unescape(block).splitlines() if len(line) > 72] == []


@pytest.fixture
def up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Record, Path]:
    """A head that is up, as far as a handout looks."""
    known = begun(entry(1, "up"))
    known.access = "ssh train@lab.example.org"
    stack = "cohort-otel-p1"
    secrets = tmp_path / stack / "secrets"
    (secrets / "tls").mkdir(parents=True)
    (secrets / "opensearch-reader").write_text("hidden-word\n", encoding="utf-8")
    (secrets / "loopback").write_text("other-word\n", encoding="utf-8")
    for name in ("ca.pem", "operator.pem", "operator.key"):
        (secrets / "tls" / name).write_text(f"a {name}\n", encoding="utf-8")
    template = template_of(cohort())
    described = (spec_of(template, stack, 23200), plan_of(template, stack, 23200))
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(obs.cohort_handout, "describe", lambda _: described)
    folder = tmp_path / ".cohorts" / "otel" / "heads" / "p1"
    folder.mkdir(parents=True)
    return known, folder


def test_page_and_credentials_are_apart_and_for_the_owner_alone(up: tuple[Record, Path]) -> None:
    known, folder = up
    (folder / "credentials.txt").write_text("old", encoding="utf-8")  # which others could read

    file = handout(known, known.heads["p1@example.org"])

    assert file == folder / "handout.html"
    text = file.read_text(encoding="utf-8")
    assert not [word for word in ("hidden-word", "other-word", "a operator.key") if word in text]
    assert len(re.findall(r"<h3>\d", text)) == len(EXERCISES), "the shop can do all of them"
    assert "http://127.0.0.1:23241/" in text
    said = (folder / "credentials.txt").read_text(encoding="utf-8")
    assert "user: reader\npassword: hidden-word\n" in said
    assert "address: https://127.0.0.1:23210\n" in said
    assert "address of the pages: http://127.0.0.1:23241\n" in said
    assert "user of the pages: obs\npassword of the pages: other-word\n" in said
    assert said.count("\npassword: ") == 1, "which the exercise's sed finds"
    given = ("ca.pem", "operator.pem", "operator.key")
    assert [(folder / name).read_text(encoding="utf-8") for name in given] == [
        f"a {name}\n" for name in given
    ]
    options = (folder / "own.curl").read_text(encoding="utf-8")
    assert re.findall('"(.*)"', options) == ["ca.pem", "operator.pem", "operator.key"]
    assert {path.name for path in folder.iterdir()} <= set(OURS), "what `destroy` removes with the head"
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_a_head_that_is_not_up_has_none(up: tuple[Record, Path]) -> None:
    known, folder = up
    known.heads["p1@example.org"].state = "failed"

    with pytest.raises(ObsError, match="not up, so it has no handout yet"):
        handout(known, known.heads["p1@example.org"])
    assert list(folder.iterdir()) == []
