"""The authority of a stack: whom it signs for, and which certificates have to be made anew."""

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from vsi.servers.authority import Authority, ends, trouble

NOW = datetime.now(UTC)
SANS = ("10.0.0.11", "metrics-1", "metrics-1.example")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make()


@pytest.fixture(scope="module", params=["ecdsa", "rsa"])
def keys(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A key as a host makes it, and its public key as the host tells it."""
    path = tmp_path_factory.mktemp("host") / "prometheus.key"
    made = ["ssh-keygen", "-q", "-t", request.param, "-m", "PKCS8", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(made, check=True)
    told = subprocess.run(["ssh-keygen", "-y", "-f", path], check=True, capture_output=True, text=True)
    return path, told.stdout


def test_it_is_whole_and_lasts_ten_years(authority: Authority) -> None:
    assert authority.whole
    assert authority.ends - NOW > timedelta(days=3649)
    assert not Authority(authority.certificate, Authority.make().key).whole
    assert not Authority("", "").whole
    assert authority.key not in repr(authority)


def test_a_key_of_a_host_is_signed(authority: Authority, keys: tuple[Path, str]) -> None:
    path, public = keys
    assert path.read_text().startswith("-----BEGIN PRIVATE KEY-----")  # PKCS 8, which OpenSearch asks for
    made = authority.sign("prometheus", public, SANS)
    read = x509.load_pem_x509_certificate(made.encode())
    assert read.subject.rfc4514_string() == "CN=prometheus,O=obs"
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["prometheus", "localhost", *SANS[1:]]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "10.0.0.11"]
    assert trouble(made, public, "prometheus", SANS, authority.certificate) == ""


def test_both_sides_know_each_other(authority: Authority, keys: tuple[Path, str], tmp_path: Path) -> None:
    path, public = keys
    (tmp_path / "ca.pem").write_text(authority.certificate)
    (tmp_path / "server.pem").write_text(authority.sign("prometheus", public, SANS))
    certificate, key = authority.client()
    (tmp_path / "client.pem").write_text(certificate + key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "server.pem", path)
    server.load_verify_locations(tmp_path / "ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    client.load_cert_chain(tmp_path / "client.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    a = client.wrap_bio(to_client, to_server, server_hostname="10.0.0.11")
    b = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (a, b):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert a.getpeercert()
    seen = b.getpeercert()
    assert seen
    assert (("commonName", "operator"),) in seen["subject"]


def test_what_has_to_be_made_anew(authority: Authority, keys: tuple[Path, str]) -> None:
    _, public = keys
    made = authority.sign("prometheus", public, SANS)
    ca = authority.certificate
    other = Authority.make()

    assert trouble("", public, "prometheus", SANS, ca) == "missing"
    assert trouble(made, "", "prometheus", SANS, ca) == "missing"
    assert trouble("scribbled", public, "prometheus", SANS, ca) == "unreadable"
    assert trouble(made, "scribbled", "prometheus", SANS, ca) == "unreadable"
    assert trouble(made, public, "prometheus", SANS, other.certificate) == "of another authority"
    assert trouble(made, public, "jaeger", SANS, ca) == "of another key"
    assert trouble(authority.client()[0], public, "operator", (), ca) == "of another key"
    assert trouble(made, public, "prometheus", SANS[1:], ca) == "of other names"
    assert trouble(made, public, "prometheus", SANS[::-1], ca) == ""
    assert trouble(made, public, "prometheus", SANS, ca, NOW + timedelta(days=334)) == ""
    late = trouble(made, public, "prometheus", SANS, ca, NOW + timedelta(days=336))
    assert late == f"ends on {ends(made):%Y-%m-%d}"


def test_nothing_outlives_the_authority() -> None:
    old = Authority.make(NOW - timedelta(days=3600))
    certificate, _ = old.client()
    assert ends(certificate) == old.ends
