"""The authority of a stack: made once, on the control machine; it signs keys that are made elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vsi import tls

NAME = "ca"
OPERATOR = "operator"
"""The client certificate of whoever verifies and operates a stack."""


@dataclass(frozen=True)
class Authority:
    """A certificate and its key, PEM."""

    certificate: str
    key: str = field(repr=False)

    @classmethod
    def make(cls, now: datetime | None = None) -> "Authority":
        """A new one, for ten years."""
        key = _new_key()
        term = (now or datetime.now(UTC), tls.CA_LIFE)
        made = tls.issue(NAME, key.public_key(), tls.subject(NAME), key, term, None)
        return cls(_pem(made), _key_pem(key))

    @property
    def whole(self) -> bool:
        """Whether both can be read, and fit each other."""
        try:
            key = serialization.load_pem_private_key(self.key.encode(), password=None)
            return _certificate(self.certificate).public_key() == key.public_key()
        except (ValueError, TypeError):
            return False

    @property
    def ends(self) -> datetime:
        """From then on nothing that it signed is believed."""
        return _certificate(self.certificate).not_valid_after_utc

    def sign(
        self,
        name: str,
        public_key: str,
        sans: Iterable[str] = (),
        now: datetime | None = None,
        life: timedelta = tls.LEAF_LIFE,
    ) -> str:
        """A certificate for a key, which is given as `ssh-keygen -y` prints it or as PEM. It ends no later
        than the authority. ValueError for what is no such key."""
        now = now or datetime.now(UTC)
        issuer = _certificate(self.certificate)
        key = serialization.load_pem_private_key(self.key.encode(), password=None)
        if not isinstance(key, tls.PrivateKey):
            raise ValueError("expected an RSA or ECDSA key")
        term = (now, min(life, issuer.not_valid_after_utc - now))
        return _pem(tls.issue(name, public_key_of(public_key), issuer.subject, key, term, names(name, sans)))

    def client(self, name: str = OPERATOR, now: datetime | None = None) -> tuple[str, str]:
        """Certificate and key of somebody here, as long as the authority itself, which lies beside it."""
        key = _new_key()
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return self.sign(name, public.decode(), (), now, tls.CA_LIFE), _key_pem(key)


def names(name: str, sans: Iterable[str]) -> tuple[str, ...]:
    """All that a certificate is good for, each once."""
    return tuple(dict.fromkeys((name, *tls.HERE, *sans)))


def public_key_of(text: str) -> tls.PublicKey:
    """A public key, as OpenSSH writes it or as PEM. ValueError if it is none, or of another kind."""
    data = text.strip().encode()
    load = (
        serialization.load_pem_public_key if data.startswith(b"-----") else serialization.load_ssh_public_key
    )
    key = load(data)
    if not isinstance(key, tls.PublicKey):
        raise ValueError("expected an RSA or ECDSA key")
    return key


def trouble(
    certificate: str,
    public_key: str,
    name: str,
    sans: Iterable[str],
    authority: str,
    now: datetime | None = None,
) -> str:
    """Why a certificate has to be made anew, in a few words; '' if it is as it shall be. `public_key` is that
    of the key beside it, `authority` the certificate that should have signed it."""
    if not certificate or not public_key:
        return "missing"
    try:
        made, issuer = _certificate(certificate), _certificate(authority)
        its_key = public_key_of(public_key)
    except ValueError:
        return "unreadable"
    if not signed_by(made, issuer):
        return "of another authority"
    if made.public_key() != its_key or made.subject != tls.subject(name):
        return "of another key"
    if made.not_valid_after_utc - (now or datetime.now(UTC)) < tls.RENEW:
        return f"ends on {made.not_valid_after_utc:%Y-%m-%d}"
    wanted = {tls.general_name(san) for san in names(name, sans)}
    found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return "" if set(found) == wanted else "of other names"


def ends(certificate: str) -> datetime:
    """When a certificate ends. ValueError if it is none."""
    return _certificate(certificate).not_valid_after_utc


def begins(certificate: str) -> datetime:
    """From when on a certificate is good. ValueError if it is none."""
    return _certificate(certificate).not_valid_before_utc


def signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether a certificate is of an authority, whenever."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _certificate(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: tls.PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
