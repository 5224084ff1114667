"""Start a program with secrets in its environment, for those that read a password from nowhere else.

`python -m agents.with_secret NAME=FILE [NAME=FILE ...] -- PROGRAM [ARGUMENT ...]` reads each file, puts its
content (without the trailing newline) under NAME and becomes the program: same process, same signals. The
value is in no argument list and in no plan. Exit 2 and one line if a file cannot be read or the program not
started.
"""

import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Does not return if all goes well."""
    try:
        split = arguments.index("--")
    except ValueError:
        split = len(arguments)
    pairs, command = arguments[:split], arguments[split + 1 :]
    if not pairs or not command or not all("=" in pair for pair in pairs):
        sys.stderr.write(
            "usage: python -m agents.with_secret NAME=FILE [NAME=FILE ...] -- PROGRAM [ARGUMENT ...]\n"
        )
        return 2
    environment = dict(os.environ)
    for pair in pairs:
        name, _, file = pair.partition("=")
        try:
            environment[name] = Path(file).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            sys.stderr.write(f"{name}: {file} cannot be read: {reason}\n")
            return 2
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - becoming the program is the purpose
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error.strerror}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
