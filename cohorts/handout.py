"""A participant's handout: one HTML page that needs no network, on a screen, a telephone and on paper. Pure.

No secret is in it: what one logs in with is a file of its own, which the page names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from markdown_it import MarkdownIt

from cohorts.exercises import Exercise, able
from cohorts.grounds import HERE, Ground

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; max-width: 48rem;
  margin: 0 auto; padding: 1.5rem 1rem 3rem; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; border-bottom: 2px solid #0b5cad; padding-bottom: .2rem; margin: 2rem 0 .8rem; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
h3 small { font-weight: normal; color: #57606a; display: block; }
table { border-collapse: collapse; width: 100%; }
td { padding: .25rem .6rem .25rem 0; vertical-align: top; border-bottom: 1px solid #d8dee4; }
td:first-child { width: 38%; }
code { font: .88em ui-monospace, monospace; background: #f3f5f7; padding: .1em .25em; border-radius: 3px; }
pre { background: #f3f5f7; padding: .7rem .8rem; border-radius: 5px; white-space: pre-wrap; }
pre code { padding: 0; background: none; }
.flow { display: flex; align-items: baseline; margin: .5rem 0; }
.flow b { flex: 0 0 5rem; }
.flow div { display: flex; flex-wrap: wrap; gap: .4rem; }
.flow i { font-style: normal; }
.flow span { border: 1px solid #0b5cad; border-radius: 5px; padding: .15rem .6rem; display: inline-block; }
@media (max-width: 32rem) {
  td, td:first-child { display: block; width: auto; padding-right: 0; }
  td:first-child { border: 0; padding-bottom: 0; }
  td:last-child { padding-top: 0; }
  .flow { display: block; }
  pre { padding: .6rem .5rem; }
  pre code { font-size: .75em; }
  ol, ul { padding-left: 1.2rem; }
}
@media print {
  body { font-size: 11pt; max-width: none; padding: 0; orphans: 3; widows: 3; }
  h2, h3 { break-after: avoid; }
  pre, tr, .flow { break-inside: avoid; }
  @page { margin: 18mm; }
}
"""


@dataclass(frozen=True)
class Sheet:
    """What a handout says of one head."""

    name: str
    cohort: str
    stack: str
    expires: str
    access: str
    """How one gets to the machine, in the words of the cohort file; '' if those are told elsewhere."""
    rows: Sequence[tuple[str, str]]
    """(what, address) of everything that can be opened."""
    names: Mapping[str, str]
    """Service or program -> address, for the exercises."""
    ground: Ground = HERE


def page(sheet: Sheet) -> str:
    """The page."""
    text = escape
    rows = "".join(
        f"<tr><td>{text(what)}</td><td><code>{text(at)}</code></td></tr>\n" for what, at in sheet.rows
    )
    flows = "".join(
        f'<div class="flow"><b>{text(name)}</b><div>'
        # The arrow goes with what it points at, wherever a line ends.
        + " ".join(
            f"<i>{'&rarr; ' if number else ''}<span>{text(s)}</span></i>" for number, s in enumerate(steps)
        )
        + "</div></div>\n"
        for name, steps in sheet.ground.diagrams
    )
    missing = "".join(f"<li>{text(line)}</li>\n" for line in sheet.ground.missing)
    ground, known = sheet.ground, _known(sheet)
    exercises = "".join(
        _exercise(number, one, known) for number, one in enumerate(able(sheet.names, ground.exercises), 1)
    )
    access = f"<p>{text(sheet.access)}</p>\n" if sheet.access else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{text(sheet.cohort)}: {text(sheet.name)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{text(sheet.name)}</h1>
<p>Cohort <b>{text(sheet.cohort)}</b>. Your stack is <code>{text(sheet.stack)}</code>. It is taken down,
with its data, after <b>{text(sheet.expires)}</b>.</p>

<h2>Where things are</h2>
{access}{_made(ground.where, known)}<table>
{rows}</table>

<h2>Logging in</h2>
{_made(ground.login, known)}
<h2>What flows where</h2>
{flows}
<h2>Exercises</h2>
{exercises}
<h2>{text(ground.elsewhere)}</h2>
<ul>
{missing}</ul>
</body>
</html>
"""


@dataclass(frozen=True)
class Login:
    """A user and a password, and where they are asked for."""

    address: str
    user: str
    password: str


def credentials(stack: str, opensearch: Login | None, pages: Login | None) -> str:
    """The text of the file with what one logs in with."""
    text = f"What you log in to {stack} with. Keep it to yourself.\n"
    if opensearch:
        text += (
            f"address: {opensearch.address}\n"
            f"user: {opensearch.user}\n"
            f"password: {opensearch.password}\n"
            "certificate: ca.pem, beside this file\n"
        )
    if pages:
        text += (
            f"address of the pages: {pages.address}\n"
            f"user of the pages: {pages.user}\n"
            f"password of the pages: {pages.password}\n"
        )
    return text


def curl(authority: str, certificate: str, key: str) -> str:
    """Options for `curl -K`, in the folder with these files."""
    return f'cacert = "{authority}"\ncert = "{certificate}"\nkey = "{key}"\n'


def _exercise(number: int, exercise: Exercise, known: Mapping[str, str]) -> str:
    title, section = escape(exercise.title), escape(exercise.section)
    return f"<h3>{number}. {title} <small>{section}</small></h3>\n{_made(exercise.text, known)}"


def _known(sheet: Sheet) -> dict[str, str]:
    """What stands in the texts for a head's own."""
    bare = _bare(sheet.names.get("pages", ""))
    return {"reader": "reader", "logs": "logs", "bare_pages": bare, **sheet.names, "stack": sheet.stack}


def _made(words: str, known: Mapping[str, str]) -> str:
    return str(MarkdownIt("commonmark", {"html": False}).render(words.format(**known)))


def _bare(url: str) -> str:
    """`127.0.0.1:23041` of `http://127.0.0.1:23041`."""
    return url.partition("://")[2]
