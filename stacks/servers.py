"""Servers that stand in a file beside the stack file: an inventory that others write or share."""

import os
import re
from dataclasses import replace
from pathlib import Path

from components.spec.problem import AsWritten, Problem
from stacks.source import Located, Node, StackFileError, merge, parse

FILE = "file"
"""The key of `servers` that names the file. Only the loader knows it: the model has what stands there."""
PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.ya?ml$"
ABOUT = "A file beside the stack file with more of `servers`: it lies over what stands here, hosts by name."
VARIABLE = "OBS_SERVERS_FILE"
"""Path of a file that is read in the place of the one that is named: for servers that come and go."""


def with_servers(spec: Node, folder: Path) -> Node:
    """The stack's `obs:spec` with the servers of the file that it names, which lie over its own: mappings key
    by key, hosts by name. StackFileError, naming the file, if that cannot be read."""
    servers = spec.value.get("servers")
    if servers is None or not isinstance(servers.value, dict) or FILE not in servers.value:
        return spec
    given = servers.value[FILE]
    instead = os.environ.get(VARIABLE)
    if not isinstance(given.value, str) or not re.fullmatch(PATTERN, given.value):
        expected = "expected the name of a file beside this one, as in 'hosts.yaml'"
        value = given.value if isinstance(given.value, str) else AsWritten(given.shown())
        raise StackFileError([Located.at(servers.keys[FILE], ("servers", FILE), expected, value)])
    if instead:
        beside = _read(Path(instead), instead)
    else:
        beside = _read(folder / given.value, f"{folder.name}/{given.value}")
    here = {key: node for key, node in servers.value.items() if key != FILE}
    merged = merge(Node(here, servers.where, servers.keys), beside)
    return Node({**spec.value, "servers": merged}, spec.where, spec.keys)


def _read(file: Path, name: str) -> Node:
    """The content of such a file, what is wrong in it named as the model names it."""
    try:
        found = parse(file, name)
    except StackFileError as error:
        raise StackFileError([replace(problem, path=_below(problem)) for problem in error.problems]) from None
    if not isinstance(found.value, dict):
        expected = "expected a mapping with what `servers` may have, as `hosts`"
        raise StackFileError([Located.at(found.where, ("servers",), expected, AsWritten(found.shown()))])
    if FILE in found.value:
        expected = "expected no further file: one leads to no other"
        raise StackFileError([Located.at(found.keys[FILE], ("servers", FILE), expected)])
    return found


def _below(problem: Problem) -> tuple[str | int, ...]:
    return ("servers", *problem.path)
