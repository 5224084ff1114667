"""The authority of a stack in a cluster, and the certificates that it signs."""

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=3650)
"""Of the authority and of all that it signs: both are made anew together (docs/targets/kubernetes.md)."""

Pair = tuple[str, str]
"""Certificate and key, PEM."""


def make() -> Pair:
    """A new authority."""
    key = _new_key()
    name = _subject("ca")
    builder = _builder(name, name, key.public_key(), datetime.now(UTC) + LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    return _pem(builder.sign(key, hashes.SHA256())), _key_pem(key)


def signed(authority: Pair, name: str, sans: Iterable[str]) -> Pair:
    """A certificate for these names and addresses, and its key."""
    issuer = x509.load_pem_x509_certificate(authority[0].encode())
    issuer_key = serialization.load_pem_private_key(authority[1].encode(), password=None)
    if not isinstance(issuer_key, rsa.RSAPrivateKey):
        raise ValueError("expected an RSA key of the authority")
    key = _new_key()
    names = x509.SubjectAlternativeName([_san(san) for san in dict.fromkeys((name, *sans))])
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = _builder(_subject(name), issuer.subject, key.public_key(), issuer.not_valid_after_utc)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    builder = builder.add_extension(names, critical=False).add_extension(uses, critical=False)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = builder.add_extension(signer, critical=False)  # Python from 3.13 on asks for it
    return _pem(builder.sign(issuer_key, hashes.SHA256())), _key_pem(key)


def names_of(certificate: str) -> set[str]:
    """The names and addresses of a certificate; none if it cannot be read, or does not say who signed it, as
    those did not that were signed before 2026-12."""
    try:
        found = x509.load_pem_x509_certificate(certificate.encode())
        found.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        sans = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return set()
    return {str(san.value) for san in sans}


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(minutes=5))
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _subject(name: str) -> x509.Name:
    """`CN=<name>,O=obs` as RFC 4514 writes it: what OpenSearch's `admin_dn` and `nodes_dn` name."""
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "obs"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
