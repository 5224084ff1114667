"""Certificates: who they are for, how long, and when they are made anew."""

import ssl
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.vsi.conftest import Place
from vsi.drift import read_machine
from vsi.host import drift_words
from vsi.tls import renewed

NAMES = ("opensearch", "admin")


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    return renewed({}, NAMES)


def certificate(files: dict[str, bytes], name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files[f"{name}.pem"])


def test_names_and_subjects(made: dict[str, bytes]) -> None:
    assert sorted(made) == sorted(f"{n}.{e}" for n in ("ca", *NAMES) for e in ("key", "pem"))
    assert certificate(made, "admin").subject.rfc4514_string() == "CN=admin,O=obs"
    names = (
        certificate(made, "opensearch").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    )
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "opensearch"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    certificate(made, "admin").verify_directly_issued_by(certificate(made, "ca"))
    assert b"BEGIN PRIVATE KEY" in made["admin.key"]  # PKCS 8, which OpenSearch asks for


def test_a_client_that_trusts_the_authority_connects(made: dict[str, bytes], tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    for name, data in made.items():
        (folder / name).write_bytes(data)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "opensearch.pem", folder / "opensearch.key")
    client = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    a = client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    b = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (a, b):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert a.getpeercert()


def test_nothing_is_made_anew_without_reason(made: dict[str, bytes]) -> None:
    assert renewed(made, NAMES) == {}
    assert renewed(made, ()) == {}


def test_each_is_renewed_thirty_days_before_its_end(made: dict[str, bytes]) -> None:
    now = datetime.now(UTC)
    assert renewed(made, NAMES, now + timedelta(days=334)) == {}
    assert sorted(renewed(made, NAMES, now + timedelta(days=336))) == [
        "admin.key", "admin.pem", "opensearch.key", "opensearch.pem",
    ]  # fmt: skip
    assert len(renewed(made, NAMES, now + timedelta(days=3630))) == 6


@pytest.mark.parametrize(
    ("broken", "again"),
    [
        ({"admin.pem": b"not a certificate"}, {"admin"}),
        ({"admin.key": b""}, {"admin"}),
        ({"admin.key": None}, {"admin"}),
        ({"admin.pem": "opensearch.pem", "admin.key": "opensearch.key"}, {"admin"}),
        ({"admin.key": "opensearch.key"}, {"admin"}),
        ({"ca.key": None}, {"ca", "admin", "opensearch"}),
    ],
)
def test_what_cannot_be_used_is_made_anew(
    made: dict[str, bytes], broken: dict[str, bytes | str | None], again: set[str]
) -> None:
    files = dict(made)
    for name, value in broken.items():
        if value is None:
            del files[name]
        else:
            files[name] = made[value] if isinstance(value, str) else value
    found = renewed(files, NAMES)
    assert {name.partition(".")[0] for name in found} == again
    assert renewed(files | found, NAMES) == {}


def test_files_on_the_host(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = place.unit(text="ca: tls/ca.pem")
    place.apply(unit, tls_names=NAMES)
    files = {path.name: path for path in place.state.tls.iterdir()}
    assert len(files) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    assert (place.conf("tls/ca.pem")).read_bytes() == files["ca.pem"].read_bytes()
    key = serialization.load_pem_private_key(files["ca.key"].read_bytes(), password=None)
    assert key
    before = files["admin.pem"].read_bytes()
    assert place.apply(unit, tls_names=NAMES).action == "none"
    assert files["admin.pem"].read_bytes() == before
    files["admin.pem"].unlink()
    (seen,) = read_machine(place.machine)
    assert seen.drifted
    assert drift_words(seen) == "secret: tls/admin.pem missing"
    assert place.apply(unit, tls_names=NAMES).action == "reload"  # whoever uses it must read it again
    (seen,) = read_machine(place.machine)
    assert not seen.drifted
