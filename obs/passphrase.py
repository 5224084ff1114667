"""The passphrase of a stack's secrets. Everybody knows that of `local`; a participant's lies with its cohort,
so that every command finds it, and so does what it logs in to the cohort's store with; others are given."""

import os
from pathlib import Path

from obs.paths import state_folder

LOCAL_STACK = "local"
LOCAL_PASSPHRASE = "observability-local"  # noqa: S105
"""The passphrase of the stack `local`, for everybody to know: nothing in its state is secret."""
PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
"""Where the Pulumi engine looks for one, in this order."""


def known(stack: str) -> dict[str, str]:
    """The variables by which the Pulumi engine and its program find what needs not be given."""
    return {PASSPHRASES[0]: LOCAL_PASSPHRASE} if stack == LOCAL_STACK else of_head(stack)


def passphrase(stack: str) -> str | None:
    """As the Pulumi engine reads it; None if there is none. OSError if its file cannot be read."""
    variables = {**os.environ, **known(stack)}
    if PASSPHRASES[0] in variables:
        return variables[PASSPHRASES[0]]
    file = variables.get(PASSPHRASES[1])
    return Path(file).read_text(encoding="utf-8").strip() if file else None


def of_head(stack: str) -> dict[str, str]:
    """The variables by which the Pulumi engine and its program find them; empty for any other stack."""
    from cohorts.record import passphrase_file

    file = passphrase_file(state_folder(), stack)
    return {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file), **lent(stack)} if file and file.is_file() else {}


def lent(stack: str) -> dict[str, str]:
    """What a participant's stack logs in to a shared store with; empty for any other stack."""
    from cohorts.record import lent

    return lent(state_folder(), stack)
