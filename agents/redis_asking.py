"""Start a Redis that asks for a password, which stands in no file of its configuration and in no argument.

    python -m agents.redis_asking --server PROGRAM --configuration redis.conf --password-file FILE

Redis reads its configuration from standard input: a piece of memory that ends with it. This process becomes
the server.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

PASSWORD = re.compile(r"[A-Za-z0-9_-]{16,}")
"""What Redis reads as one word, without quotes."""


def configuration(file: Path, password_file: Path) -> bytes:
    """The whole of it. OSError if a file cannot be read; ValueError for what would not be one word."""
    password = password_file.read_text(encoding="utf-8").strip()
    if not PASSWORD.fullmatch(password):
        raise ValueError(f"{password_file}: expected 16 or more letters, digits, - or _; make it anew")
    return f"{file.read_text(encoding='utf-8')}requirepass {password}\n".encode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Does not return once the server has started; 2 if it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m agents.redis_asking")
    parser.add_argument("--server", required=True)
    parser.add_argument("--configuration", type=Path, required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        text = configuration(given.configuration, given.password_file)
        memory = os.memfd_create("redis")
        os.write(memory, text)
        os.lseek(memory, 0, os.SEEK_SET)
        os.dup2(memory, 0)
        os.execv(given.server, [given.server, "-"])  # noqa: S606 - it becomes the server
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
