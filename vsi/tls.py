"""Certificates of a stack: one authority and one certificate per name, made where they are used."""

import ipaddress
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

RENEW = timedelta(days=30)
"""A certificate with less left than this is made anew."""
CA_LIFE, LEAF_LIFE = timedelta(days=3650), timedelta(days=365)
HERE = ("localhost", "127.0.0.1")
"""What every certificate is good for, beside its own name: for those on the same host."""

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


def subject(name: str) -> x509.Name:
    """`CN=<name>,O=obs` as RFC 4514 writes it: what OpenSearch's `admin_dn` and `nodes_dn` name."""
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "obs"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )


def renewed(
    existing: Mapping[str, bytes], names: tuple[str, ...], now: datetime | None = None
) -> dict[str, bytes]:
    """Files to be written, by name (`ca.pem`, `ca.key`, `<name>.pem`, `<name>.key`): those that are missing,
    unreadable, not signed by the authority, not fitting their key, or about to expire. Else empty."""
    if not names:
        return {}
    now = now or datetime.now(UTC)
    written: dict[str, bytes] = {}
    authority = _load(existing, "ca", now)
    if authority is None:
        key = _new_key()
        certificate = issue("ca", key.public_key(), subject("ca"), key, (now, CA_LIFE), None)
        written |= _files("ca", certificate, key)
        authority = certificate, key
    ca_certificate, ca_key = authority
    for name in names:
        leaf = _load(existing, name, now)
        if leaf is None or not _signed_by(leaf[0], ca_certificate):
            key = _new_key()
            sans = (HERE[0], name, HERE[1])
            made = issue(name, key.public_key(), ca_certificate.subject, ca_key, (now, LEAF_LIFE), sans)
            written |= _files(name, made, key)
    return written


def _load(
    existing: Mapping[str, bytes], name: str, now: datetime
) -> tuple[x509.Certificate, rsa.RSAPrivateKey] | None:
    try:
        certificate = x509.load_pem_x509_certificate(existing[f"{name}.pem"])
        key = serialization.load_pem_private_key(
            existing[f"{name}.key"], password=None, unsafe_skip_rsa_key_validation=True
        )
    except (KeyError, ValueError, TypeError):
        return None
    if not isinstance(key, rsa.RSAPrivateKey) or certificate.public_key() != key.public_key():
        return None
    if certificate.not_valid_after_utc - now < RENEW or certificate.subject != subject(name):
        return None
    return certificate, key


def _signed_by(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    key = authority.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or leaf.signature_hash_algorithm is None:
        return False
    try:
        key.verify(
            leaf.signature, leaf.tbs_certificate_bytes, padding.PKCS1v15(), leaf.signature_hash_algorithm
        )
    except InvalidSignature:
        return False
    return True


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def issue(
    name: str,
    public_key: PublicKey,
    issuer: x509.Name,
    issuer_key: PrivateKey,
    term: tuple[datetime, timedelta],
    sans: Iterable[str] | None,
) -> x509.Certificate:
    """A certificate from now on, for so long; `sans` are names and addresses, None makes an authority."""
    now, life = term
    authority = sans is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject(name))
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + life)
        .add_extension(
            x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=not authority,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if sans is not None:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([general_name(san) for san in sans]), critical=False
        ).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
    return builder.sign(issuer_key, hashes.SHA256())


def general_name(san: str) -> x509.GeneralName:
    """An address, if it is one, else a name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(san))
    except ValueError:
        return x509.DNSName(san)


def _files(name: str, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> dict[str, bytes]:
    """The key comes first: it is written first, so that an interruption leaves a pair that does not fit."""
    return {
        f"{name}.key": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        f"{name}.pem": certificate.public_bytes(serialization.Encoding.PEM),
    }
