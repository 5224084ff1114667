"""Errors that a user can do something about: shown as they are, without a traceback."""


class ObsError(Exception):
    """Something went wrong that is no fault of the program: exit code 1."""

    exit_code = 1


class BadInput(ObsError):
    """What the user gave does not fit: a stack file, an option, the name of an environment. Exit code 2."""

    exit_code = 2


class Locked(ObsError):
    """Another run works on the same stack. Exit code 3."""

    exit_code = 3


class Interrupted(ObsError):
    """The user, or a supervisor, asked to stop. Exit code 130."""

    exit_code = 130
