"""What OpenSSH says when it fails, in words for the user: what was found, and what to do."""

import re

from vsi.errors import Unreachable
from vsi.ssh.connection import Connection, Login, fingerprint, is_locked


def unreachable(connection: Connection, why: str) -> Unreachable:
    """The error for a host."""
    return Unreachable(
        connection.host, f"{connection.user}@{connection.address} port {connection.port}: {why}"
    )


def wants_key(log: str) -> bool:
    """Whether a connection ended because the host's key is not one of those that are pinned."""
    return "Host key verification failed" in log or bool(re.search(r"No \S+ host key is known", log))


def failed(connection: Connection, login: Login, log: str, seconds: float, jump_log: str) -> Unreachable:
    """Why no connection came about, from what ssh wrote for it, and for its jump host meanwhile."""
    if login.key is not None and ("Permission denied" in log or "Load key" in log):
        if is_locked(login.key):
            why = (
                "its private key has a passphrase, which nobody can type here. Give the key without one, or "
            )
            return unreachable(connection, why + "load it into your SSH agent and name no key")
        if "Load key" in log:
            why = "its private key is none that this OpenSSH can read. Give the whole text of the file, from "
            return unreachable(connection, why + "`-----BEGIN` to `-----END …-----`")
    return unreachable(connection, _why(connection, log, seconds, jump_log))


def _why(connection: Connection, log: str, seconds: float, jump_log: str) -> str:
    after = f"after {seconds:.0f} s"
    if found := re.search(r"Could not resolve hostname \S+: (.*)", log):
        return f"no such address is known here ({found[1]}). Look at the host's `address`"
    if found := re.search(r"^ssh: connect to host .*: (.*?)\r?$", log, re.MULTILINE):
        return _no_connection(found[1], after)
    heard = re.findall(r"open failed: (?:connect failed: )?(.*)", jump_log)
    if connection.jump and heard:
        return f"its jump host {connection.jump.host} says: {heard[-1].strip()} ({after})"
    if "timed out" in log:
        return f"no SSH server answered ({after}). Is it up, and is this its SSH port?"
    if "Too many authentication failures" in log:
        return "the SSH agent has more keys than the host lets one try. Give the host's key as a secret"
    if found := re.search(r"Permission denied(?: \((.*)\))?", log):
        return _not_let_in(connection, found[1] or "", log)
    if found := re.search(r"Unable to negotiate .*?: (.*)", log):
        return f"this OpenSSH and the host's have no way of speaking in common: {found[1].strip()}"
    if "UNPROTECTED" in log or "bad permissions" in log.lower():
        return "ssh refuses the private key's file as one that others can read; this is a fault of obs"
    if re.search(r"Connection (closed|reset)|kex_exchange_identification", log):
        return (
            f"the SSH server closed the connection before anyone could log in ({after}). It may be starting, "
            "or ended, have no room (MaxStartups), or refuse this address"
        )
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else f"ssh ended without a word ({after})"


def _no_connection(said: str, after: str) -> str:
    if "refused" in said:
        return "connection refused. The host is up, and no SSH server listens on this port"
    if "timed out" in said:
        return f"no answer ({after}). The host is down, has another address, or a firewall is between"
    return f"{said} ({after})"


def _not_let_in(connection: Connection, methods: str, log: str) -> str:
    if "publickey" not in methods and methods:
        return f"the host lets nobody log in with a key (it offers {methods})"
    hints = ("nologin", "booting up", "expired", "not permitted")
    told = next((line.strip() for line in log.splitlines() if any(h in line for h in hints)), "")
    return told or (
        f"the host does not let user {connection.user!r} in with this key. Is its public half in "
        f"~{connection.user}/.ssh/authorized_keys there, and may that user log in?"
    )


def strange_key(connection: Connection, seen: str) -> Unreachable:
    """The host shows a key that is not pinned; `seen` is what it shows, '' if that was not found out."""
    shown = f"{fingerprint(seen)} ({seen.split()[0]})" if seen else "a key that could not be read"
    line = f"`{seen}`" if seen else "its public key"
    place = "/etc/ssh/ssh_host_*_key.pub"
    if connection.host_keys:
        pinned = ", ".join(f"{fingerprint(key)} ({key.split()[0]})" for key in connection.host_keys)
        return unreachable(
            connection,
            f"ITS HOST KEY HAS CHANGED. It shows {shown}; pinned is {pinned}. Nothing was sent to it. "
            "Another machine may answer in its place. If it was installed anew, compare on its console "
            f"(`ssh-keygen -lf {place}`), then write {line} as its key in `host_keys` of the stack file",
        )
    return unreachable(
        connection,
        f"no host key is pinned for it, so it cannot be told from another. It shows {shown}. Compare on its "
        f"console (`ssh-keygen -lf {place}`), then write {line} into its `host_keys` in the stack file",
    )


def no_root(connection: Connection, said: str, *, given: bool) -> Unreachable | None:
    """Why sudo did not make root of the user, from what it wrote; None if it is not about that."""
    user = connection.user
    if "a terminal is required" in said and given:
        why = f"sudo did not take the password of {user!r}"
    elif (
        "password is required" in said
        or "a terminal is required" in said
        or "authentication is required" in said
    ):
        why = (
            f"sudo asks {user!r} for a password and none is given. Name its secret as `sudo_password`, or "
            f"allow sudo without one (`{user} ALL=(ALL) NOPASSWD: ALL` in /etc/sudoers.d)"
        )
    elif "have a tty" in said:
        why = f"sudo wants a terminal (requiretty). Write `Defaults:{user} !requiretty` into /etc/sudoers.d"
    elif "not in the sudoers" in said or "not allowed to" in said or "may not run sudo" in said:
        why = f"{user!r} may not use sudo there"
    elif "expired" in said:
        why = f"sudo says that the password of {user!r} has expired; change it there"
    elif "try again" in said or "incorrect password" in said or "no password was provided" in said:
        why = f"sudo did not take the password of {user!r}"
    elif re.search(r"sudo.*(No such file|not found)", said):
        why = f"{user!r} is not root, and there is no sudo on the host"
    else:
        return None
    return unreachable(connection, why)
