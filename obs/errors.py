"""Errors of the command line itself; what stack files and targets refuse has errors of its own."""

from components.errors import SuiteError


class ObsError(SuiteError):
    """Something went wrong that is no fault of the program."""


class BadInput(ObsError):
    """What the user gave on the command line, or beside the stack file, does not fit."""

    exit_code = 2


class Locked(ObsError):
    """Another run works on the same stack."""

    exit_code = 3


class Interrupted(ObsError):
    """The user, or a supervisor, asked to stop."""

    exit_code = 130
