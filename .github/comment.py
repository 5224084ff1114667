"""Writes a report into the one comment of a pull request or merge request that the last run wrote.

    python .github/comment.py REPORT.md

The report's first line is a hidden marker, by which its comment is found; where there is none, it is made.
On GitHub it reads GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN and PULL_REQUEST; on GitLab CI_API_V4_URL,
CI_PROJECT_ID, CI_MERGE_REQUEST_IID and GITLAB_TOKEN (a token of scope `api`: the job's own may not comment).
Standard library alone, and nothing of the project is imported: it runs with a token, beside code that it does
not trust. Exit code 0, or 1 with what the code host said, or 2 for what it was not given.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

SECONDS = 60
PAGE = 100


def main(arguments: list[str]) -> int:
    """See the module."""
    if len(arguments) != 1:
        print("expected one argument: the file with the report", file=sys.stderr)
        return 2
    try:
        report = Path(arguments[0]).read_text(encoding="utf-8")
        api, headers, verb = _github() if "GITHUB_REPOSITORY" in os.environ else _gitlab()
    except OSError as error:
        print(f"{arguments[0]}: {error.strerror}; expected the file with the report", file=sys.stderr)
        return 2
    except KeyError as error:
        print(f"{error.args[0]}: not set; see the text at the top of {__file__}", file=sys.stderr)
        return 2
    marker = report.partition("\n")[0]
    if not marker.startswith("<!-- "):  # any comment begins with nothing, and would be written over
        print(
            f"{arguments[0]}: no report in it; expected a first line as in '<!-- obs-previews -->'",
            file=sys.stderr,
        )
        return 2
    try:
        there = _find(api, headers, marker)
        if there is None:
            _ask("POST", api, headers, {"body": report})
        else:
            where = (
                f"{api.rpartition('/issues/')[0]}/issues/comments/{there}"
                if verb == "PATCH"
                else f"{api}/{there}"
            )
            _ask(verb, where, headers, {"body": report})
    except urllib.error.HTTPError as error:
        print(f"the code host refused: {error.code} {error.reason}", file=sys.stderr)
        return 1
    except urllib.error.URLError as error:
        print(f"the code host cannot be reached: {error.reason}", file=sys.stderr)
        return 1
    print("comment written" if there is None else "comment updated")
    return 0


def _github() -> tuple[str, dict[str, str], str]:
    given = os.environ
    repository, number = given["GITHUB_REPOSITORY"], given["PULL_REQUEST"]
    api = f"{given['GITHUB_API_URL']}/repos/{repository}/issues/{quote(number)}/comments"
    return api, {"Authorization": f"Bearer {given['GITHUB_TOKEN']}"}, "PATCH"


def _gitlab() -> tuple[str, dict[str, str], str]:
    given = os.environ
    project, number = quote(given["CI_PROJECT_ID"], safe=""), given["CI_MERGE_REQUEST_IID"]
    api = f"{given['CI_API_V4_URL']}/projects/{project}/merge_requests/{quote(number)}/notes"
    return api, {"PRIVATE-TOKEN": given["GITLAB_TOKEN"]}, "PUT"


def _find(api: str, headers: dict[str, str], marker: str) -> int | None:
    """The number of the comment that begins with the marker; None if there is none."""
    page = 1
    while True:
        found = _ask("GET", f"{api}?per_page={PAGE}&page={page}", headers)
        for comment in found:
            if str(comment.get("body", "")).startswith(marker):
                return int(comment["id"])
        if len(found) < PAGE:
            return None
        page += 1


def _ask(verb: str, url: str, headers: dict[str, str], body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {**headers, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=verb)  # noqa: S310 - the code host's own address
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        return json.loads(answer.read() or b"null")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
