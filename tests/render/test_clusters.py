"""Several of a program are one: real engines at two addresses of loopback, the stack's TLS between them."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from components.render import alertmanager
from components.render.text import texts
from components.site import Folders, Listener, Site
from tests import specs
from tests.ports import free_base
from tests.render import engines
from tests.render.processes import kept
from tests.waiting import until
from vsi.servers.authority import Authority

pytestmark = pytest.mark.engine

SPEC = specs.spec()
PLACES = {"one": "127.0.0.1", "two": "127.0.0.2"}


def keys(folder: Path, authority: Authority, name: str) -> None:
    """The authority's certificate, and one for `name` that is good at both addresses."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "ca.pem").write_text(authority.certificate)
    (folder / f"{name}.pem").write_text(authority.sign(name, public.decode(), PLACES.values()))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def sites(names: tuple[str, ...]) -> dict[str, Site]:
    """Both places, each with these listeners and with the sink."""
    base = free_base(len(names) + 1)
    folders = Folders("../secrets", "../tls", "../data", "../log")
    found = {}
    for place, address in PLACES.items():
        listeners = {
            name: Listener(f"{address}:{port}", tuple(f"{at}:{port}" for at in PLACES.values()), tls=True)
            for port, name in enumerate((*names, "sink", "pages"), base)
        }
        found[place] = Site(place, listeners, {}, folders, mutual=True, address=address)
    return found


def ready(client: httpx.Client) -> bool:
    return client.get("/-/ready").status_code == 200


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[dict[str, httpx.Client]]:
    """Clients of two Alertmanagers."""
    authority = Authority.make()
    with ExitStack() as stack:
        clients = {}
        for place, site in sites(("alertmanager", alertmanager.CLUSTER)).items():
            root = tmp_path / place
            (root / "data").mkdir(parents=True)
            keys(root / "tls", authority, "alertmanager")
            engines.write(root / "conf", texts(alertmanager.render(SPEC, site)))
            context = ssl.create_default_context(cafile=root / "tls/ca.pem")
            context.load_cert_chain(root / "tls/alertmanager.pem", root / "tls/alertmanager.key")
            client = httpx.Client(base_url=site.url("alertmanager"), verify=context, trust_env=False)
            client.base_url = httpx.URL(f"https://{site.bind('alertmanager')}")
            clients[place] = stack.enter_context(client)
            command = [
                part.replace(
                    "{engine:alertmanager:alertmanager}", engines.program("alertmanager", "alertmanager")
                ).replace("{data}", "../data")
                for part in alertmanager.running(SPEC, site).command
            ]
            stack.enter_context(kept(command, root / "conf"))
        for client in clients.values():
            until(partial(ready, client), "it is ready")
        yield clients


def test_what_one_alertmanager_is_told_to_keep_silent_about_the_other_knows(
    pair: dict[str, httpx.Client],
) -> None:
    now = datetime.now(UTC)
    silence = {
        "matchers": [{"name": "alertname", "value": "X", "isRegex": False}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "test",
        "comment": "both know",
    }
    made = pair["one"].post("/api/v2/silences", json=silence)
    assert made.status_code == 200, made.text
    until(
        lambda: [
            item for item in pair["two"].get("/api/v2/silences").json() if item["comment"] == "both know"
        ],
        "the other knows it",
    )
    assert len(pair["two"].get("/api/v2/status").json()["cluster"]["peers"]) == 2
