"""The documents of this repository as web pages, and the frame around every page."""

import html
import posixpath
from pathlib import Path
from urllib.parse import urlsplit

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
NAVIGATION = (
    ("/", "Start"),
    ("/explore", "Metrics"),
    ("/traces", "Traces"),
    ("/alerts", "Alerts"),
    ("/targets", "Targets"),
    ("/docs/runbooks/README.md", "Runbooks"),
)

_FRAME = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - {stack}</title>
<link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/pages.css">
{script}</head><body>
<header><a class="brand" href="/">{stack}</a><nav>{navigation}</nav></header>
<main id="main">{main}</main>
</body></html>
"""


def frame(stack: str, title: str, main: str, script: str | None = None, here: str = "") -> str:
    """A whole page. `main` is HTML; `script` the module under /static that fills it; `here` the entry of the
    navigation that it belongs to."""
    navigation = "".join(
        f'<a href="{url}"{" aria-current=page" if url == here else ""}>{name}</a>' for url, name in NAVIGATION
    )
    loading = '<p class="quiet">Loading.</p><noscript><p>This page needs JavaScript.</p></noscript>'
    return _FRAME.format(
        title=html.escape(title),
        stack=html.escape(stack),
        navigation=navigation,
        main=main or f"<h1>{html.escape(title)}</h1>{loading}",
        script=f'<script type="module" src="/static/{script}"></script>\n' if script else "",
    )


def documents(root: Path = ROOT) -> dict[str, Path]:
    """The Markdown files under `docs`, by their path from the root."""
    return {path.relative_to(root).as_posix(): path for path in sorted((root / "docs").rglob("*.md"))}


def rendered(name: str, text: str, known: dict[str, Path]) -> str:
    """A document as HTML. Raw HTML in it stays text; a link to a document that is not served here loses its
    address, so that none leads nowhere."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for token in tokens:
        for child in token.children or []:
            if child.type == "link_open":
                address = _address(name, str(child.attrs.get("href", "")), known)
                child.attrs = {"href": address, "rel": "noreferrer"} if address else {}
    body = markdown.renderer.render(tokens, markdown.options, {})
    return f'<article class="text">{body}</article>'


def _address(name: str, href: str, known: dict[str, Path]) -> str | None:
    parts = urlsplit(href)
    if parts.scheme in ("http", "https"):
        return href
    if parts.scheme or parts.netloc:
        return None
    if not parts.path:
        return href
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), parts.path))
    return f"/{target}" if target in known else None
