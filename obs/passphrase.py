"""The passphrase of a participant's stack, which lies with its cohort, so that every command finds it."""

from obs.paths import state_folder


def of_head(stack: str) -> dict[str, str]:
    """The variable by which the Pulumi engine finds it; empty for any other stack."""
    from cohorts.record import passphrase_file

    file = passphrase_file(state_folder(), stack)
    return {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)} if file and file.is_file() else {}
