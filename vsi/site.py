"""This machine as a site: ports of loopback counted from one base, so that two stacks can stand side by side,
and folders spelled relative to a unit's conf folder, so that a rendered file names no folder of the machine.
"""

from components.inventory import sockets
from components.render.opensearch_store import AUTHORITY
from components.site import Folders, Listener, Site
from components.spec import Spec

HOST = "127.0.0.1"

MERGED = ("collector-agent", "front", "journal")
"""Programs that this target does without: one collector does the work of the agent and of the gateway,
nobody dials from elsewhere, and no journal is read."""

OPERATOR = "operator"
"""The certificate that people show, and whoever asks whether a program serves, where loopback is guarded."""

ASKING = ("able", "guarded")
"""Sockets that ask who dials them where loopback is guarded, by what they can of TLS."""

PASSWORD = "loopback"  # noqa: S105 - the name of a secret
"""The secret that pages ask for where loopback is guarded: made up where the stack is."""

FOLDERS = Folders(
    secrets="../../../secrets",
    certificates="../../../secrets/tls",
    data="../data",
    log="../../{program}/log",
)


def local_site(spec: Spec, without: tuple[str, ...] = MERGED) -> Site:
    """Where a stack's programs and services are on this machine; programs `without` are nowhere."""
    base, guarded = spec.deploy.port_base, spec.deploy.loopback == "guarded"
    store = spec.logging.store
    elsewhere = {
        name: Listener(bind=address, dial=(address,), tls=name == "opensearch")
        for name, address in (("opensearch", store.address), ("housekeeper", store.housekeeper))
        if address
    }
    return Site(
        name="local",
        listeners={
            socket.name: _listener(
                base + socket.offset,
                tls=socket.tls == "always" or (guarded and socket.tls in ASKING),
                asks=guarded and socket.tls in ASKING,
            )
            for socket in sockets(spec, without)
        }
        | elsewhere,
        services={
            item.name: _listener(base + item.run.port_offset, tls=guarded, asks=guarded)
            for item in spec.services
            if item.run
        },
        folders=FOLDERS,
        mutual=guarded,
        password=PASSWORD if guarded else "",
        authority=f"{FOLDERS.secrets}/{AUTHORITY}" if store.address else "",
    )


def _listener(port: int, *, tls: bool = False, asks: bool = False) -> Listener:
    address = f"{HOST}:{port}"
    return Listener(bind=address, dial=(address,), tls=tls, asks=asks)
