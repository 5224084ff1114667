"""Which sections, plugins and keys Fluent Bit's configuration has, as data for tests: a misspelt key fails.

`python -m tests.render.fluent_bit_grammar FOLDER` makes `fluent_bit_keys.json` anew of a clone of Fluent
Bit's documentation (https://github.com/fluent/fluent-bit-docs) at the version of the chart's image: the names
in the first column of its tables of settings. Fluent Bit itself passes over a key of `service` that it does
not know.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_name("fluent_bit_keys.json")
_YAML = "administration/configuring-fluent-bit/yaml"
_COMMON = f"{_YAML}/pipeline-section.md"
PAGES = {
    "env": (f"{_YAML}/environment-variables-section.md",),
    "service": (f"{_YAML}/service-section.md",),
    "multiline_parsers": ("pipeline/parsers/multiline-parsing.md",),
    "inputs forward": ("pipeline/inputs/forward.md", "pipeline/buffering.md", _COMMON),
    "inputs tail": ("pipeline/inputs/tail.md", "pipeline/buffering.md", _COMMON),
    "filters lua": ("pipeline/filters/lua.md", _COMMON),
    "filters multiline": ("pipeline/filters/multiline-stacktrace.md", _COMMON),
    "outputs opensearch": (
        "pipeline/outputs/opensearch.md",
        "administration/transport-security.md",
        "administration/scheduling-and-retries.md",
        _COMMON,
    ),
}
"""Section, and plugin in it -> the pages whose tables list its keys."""
ALSO = {
    "multiline_parsers": ["rules", "state", "regex", "next_state"],
    "outputs opensearch": ["host", "port", "retry_limit"],
}
"""What the documentation says in examples alone."""


def names(page: str) -> set[str]:
    """The names in the first column of a page's tables."""
    return {name.lower() for name in re.findall(r"^\|\s*`([\w.]+)`\s*\|", page, re.MULTILINE)}


def main() -> None:
    """Read a clone, write the data."""
    folder = Path(sys.argv[1])
    found = {
        section: sorted(
            set(ALSO.get(section, ()))
            | {name for page in pages for name in names((folder / page).read_text(encoding="utf-8"))}
        )
        for section, pages in PAGES.items()
    }
    DATA.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def unknown(config: dict[str, Any]) -> list[str]:
    """Keys of a configuration that its documentation does not know."""
    known: dict[str, list[str]] = json.loads(DATA.read_text(encoding="utf-8"))
    pipeline = config["pipeline"]
    found = [
        f"{section} {item['name']}: {key}"
        for section in ("inputs", "filters", "outputs")
        for item in pipeline[section]
        for key in item
        if key not in known.get(f"{section} {item['name']}", ())
    ]
    found += [key for key in config if key not in ("env", "service", "pipeline", "multiline_parsers")]
    found += [f"pipeline: {key}" for key in pipeline if key not in ("inputs", "filters", "outputs")]
    found += [f"service: {key}" for key in config["service"] if key not in known["service"]]
    for section in ("env", "multiline_parsers"):
        for item in config.get(section, ()):
            keys = [*item, *(key for rule in item.get("rules", ()) for key in rule)]
            found += [f"{section}: {key}" for key in keys if key not in known[section]]
    return found


if __name__ == "__main__":
    main()
