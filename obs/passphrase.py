"""The passphrase of a participant's stack, which lies with its cohort, so that every command finds it, and
what it logs in to the cohort's store with."""

from obs.paths import state_folder


def of_head(stack: str) -> dict[str, str]:
    """The variables by which the Pulumi engine and its program find them; empty for any other stack."""
    from cohorts.record import passphrase_file

    file = passphrase_file(state_folder(), stack)
    return {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file), **lent(stack)} if file and file.is_file() else {}


def lent(stack: str) -> dict[str, str]:
    """What a participant's stack logs in to a shared store with; empty for any other stack."""
    from cohorts.record import lent

    return lent(state_folder(), stack)
