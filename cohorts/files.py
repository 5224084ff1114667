"""The stack files of heads, which Pulumi writes into too, and which participants may edit."""

import hashlib
import json
import re
from pathlib import Path
from typing import Literal

import yaml

from components.errors import SuiteError

_SALT = re.compile(r"^encryptionsalt:.*$", re.MULTILINE)
_EXPIRES = re.compile(r"^# expires: .*$", re.MULTILINE)
_TAG_OF_EXPIRY = re.compile(r"^( +expiry: )'\d{4}-\d\d-\d\d'$", re.MULTILINE)
"""Of a target that has tags; there alone a stack file has this key."""
TAG = re.compile(r"^# cohort: (\S+)$", re.MULTILINE)
"""What a head's stack file says of whose it is, whatever it is called."""

Put = Literal["written", "same", "edited"]


def digest(text: str) -> str:
    """A mark of what a stack file says: not of its layout, its comments, or Pulumi's salt. Of one that is no
    YAML any more, a mark of its text."""
    try:
        found = yaml.safe_load(text)
        if isinstance(found, dict):
            found.pop("encryptionsalt", None)
        text = json.dumps(found, sort_keys=True, default=str)
    except yaml.YAMLError:
        pass
    return hashlib.sha256(text.encode()).hexdigest()


def core(text: str) -> str:
    """As `digest`, whatever until when it is: that is changed where it stands, and is nobody's edit."""
    return digest(_TAG_OF_EXPIRY.sub(r"\g<1>''", text))


def put(file: Path, text: str, before: str, known: str = "") -> Put:
    """Write a head's stack file; `before` is the digest of what was generated last, '' if nothing was, and
    `known` its core.

    One that somebody edited since stays as it is, and so does one of which nothing new was generated. The
    salt stays. SuiteError if it cannot be written, or is of somebody who is not known here."""
    fresh = digest(text)
    try:
        current = file.read_text(encoding="utf-8") if file.is_file() else None
        if current is not None:
            found = digest(current)
            if fresh in (found, before):
                return "same"
            if not before:
                raise SuiteError(
                    f"{file}: there already, and not as this cohort has it; expected no such file. Take down "
                    "what it describes (obs cohort orphans), then remove it"
                )
            if found != before and core(current) != known:
                return "edited"
        salt = _SALT.search(current) if current else None
        file.write_text(text + (f"{salt[0]}\n" if salt else ""), encoding="utf-8")
    except OSError as error:
        raise SuiteError(f"{file}: {error.strerror}; expected a folder that can be written") from None
    return "written"


def set_expiry(file: Path, moment: str) -> None:
    """Change what a head's stack file says of until when; nothing if it does not say."""
    if not file.is_file():
        return
    text = file.read_text(encoding="utf-8")
    changed = _EXPIRES.sub(f"# expires: {moment}", text)
    changed = _TAG_OF_EXPIRY.sub(rf"\g<1>'{moment[:10]}'", changed)
    if changed != text:
        file.write_text(changed, encoding="utf-8")


def extended(text: str, moment: str) -> str | None:
    """A cohort file that expires then, otherwise as it was, comments too; None if its key is not found."""
    changed, count = re.subn(
        r"^(expires\s*:\s*)('[^'\n]*'|\"[^\"\n]*\")", rf"\g<1>'{moment}'", text, flags=re.MULTILINE
    )
    return changed if count == 1 else None
