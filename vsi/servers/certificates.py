"""Keys that are made on a host and never leave it, and the certificates for them.

A key is made beside; its public half comes here, is signed, and the pair is renamed into place, the key
first: of an interrupted run, key and certificate do not fit each other, which the next one sees.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vsi.errors import DeployError
from vsi.reach import Report
from vsi.servers.authority import Authority, trouble
from vsi.servers.shell import Shell, carried_out, quoted
from vsi.servers.survey import Survey, Where

if TYPE_CHECKING:
    from vsi.servers.prepare import Wanted

CA = "ca"
LEFT = timedelta(days=60)
"""An authority with less left than this signs nothing more: what it signed would at once be renewed again."""


def troubles(
    survey: Survey, wanted: Mapping[str, tuple[str, ...]], authority: str, now: datetime | None = None
) -> dict[str, str]:
    """Name -> why its certificate has to be made anew. `wanted` has the names and addresses of each."""
    found = {}
    for name, sans in wanted.items():
        certificate, public_key = survey.certificates.get(name, ("", ""))
        if why := trouble(certificate, public_key, name, sans, authority, now):
            found[name] = why
    return found


def unplanned(survey: Survey, wanted: Iterable[str]) -> list[str]:
    """Names of certificates and keys that nobody wants any more."""
    return sorted(set(survey.certificates) - set(wanted))


def over(authority: Authority, now: datetime) -> str:
    """What to do about an authority at its end."""
    ends = "ended" if authority.ends < now else "ends"
    return (
        f"the authority of the stack {ends} on {authority.ends:%Y-%m-%d}, and so does all that it signs. "
        "Make a new one, and all keys with it: replace the resource `keys@…` (pulumi up --replace URN)"
    )


def put(wanted: "Wanted", shell: Shell, survey: Survey, report: Report, now: datetime | None = None) -> None:
    """Bring the certificates of a stack on a host in line. Raises DeployError."""
    host, where, authority = wanted.host, wanted.where, wanted.authority
    names = wanted.certificates
    if survey.authority != authority.certificate:
        report("certificate of the authority")
        script = private(where) + _new_folder(where) + _written(where, CA, authority.certificate)
        script += f"mv -f {_new(where)}/{CA}.pem {quoted(where.tls)}/{CA}.pem\n"
        carried_out(shell, host, "writing the authority's certificate", script + _done(where))
    anew = troubles(survey, names, authority.certificate, now)
    if anew:
        for name, why in anew.items():
            report(f"certificate {name}: {why}; making key and certificate")
        public_keys = _make_keys(shell, host, where, anew)
        script = "umask 077\n"
        for name in anew:
            try:
                script += _written(where, name, authority.sign(name, public_keys[name], names[name], now))
            except (KeyError, ValueError) as error:
                raise DeployError(
                    host, f"certificate {name}: the host gave no usable key ({error})"
                ) from None
        for name in anew:
            for kind in ("key", "pem"):
                script += f"mv -f {_new(where)}/{name}.{kind} {quoted(where.tls)}/{name}.{kind}\n"
        carried_out(shell, host, "writing certificates", script + _done(where))
    if gone := unplanned(survey, names):
        report(f"removing certificates: {', '.join(gone)}")
        files = [f"{where.tls}/{name}.{kind}" for name in gone for kind in ("key", "pem")]
        carried_out(shell, host, "removing certificates", f"rm -f {quoted(*files)}")


def _make_keys(shell: Shell, host: str, where: Where, names: Iterable[str]) -> dict[str, str]:
    """Name -> public key, of keys that lie beside the ones in use."""
    script = private(where) + _new_folder(where)
    for name in names:
        key = quoted(f"{where.tls}/.new/{name}.key")
        script += f"ssh-keygen -q -t ecdsa -b 256 -m PKCS8 -N '' -C '' -f {key} </dev/null\nrm -f {key}.pub\n"
        script += f'echo "{name} $(ssh-keygen -y -f {key})"\n'
    output = carried_out(shell, host, "making keys", script)
    return dict(line.partition(" ")[::2] for line in output.splitlines())


def private(where: Where) -> str:
    """The folders down to the keys, for root alone."""
    folders = [where.root, f"{where.root}/secrets", where.tls]
    made = "\n".join(f"[ -d {quoted(folder)} ] || mkdir -m 0700 {quoted(folder)}" for folder in folders)
    return f"umask 022\nmkdir -p {quoted(where.state)}\numask 077\n{made}\nchmod 0700 {quoted(*folders)}\n"


def _new(where: Where) -> str:
    return quoted(f"{where.tls}/.new")


def _new_folder(where: Where) -> str:
    return f"rm -rf {_new(where)}\nmkdir -m 0700 {_new(where)}\n"


def _written(where: Where, name: str, pem: str) -> str:
    """A certificate is no secret: it may stand in a script."""
    return f"cat > {_new(where)}/{name}.pem <<'EOF'\n{pem}EOF\n"


def _done(where: Where) -> str:
    return f"sync -f {quoted(where.tls)}\nrm -rf {_new(where)}\n"
