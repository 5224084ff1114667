"""The key of the secrets in a stack's state, where the Pulumi engine derives it from a passphrase.

To start the engine for them costs half a second. What stands here is its format `v1`: PBKDF2 over the
passphrase and a salt of the state, AES-256-GCM with a nonce for each value. A value that was changed, or
encrypted with another key, does not open; whatever looks otherwise gives no key, and the engine is asked.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_ITERATIONS, _BYTES = 1_000_000, 32
_CHECK = "pulumi"
"""What stands encrypted beside the salt, so that a wrong passphrase is known as that."""
_SIGNATURE, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""How the engine marks a mapping in the state as one of its own kinds, and a secret as such."""


class Sealed(Exception):
    """A value that this key does not open."""


@dataclass(frozen=True)
class StateKey:
    """Opens secrets, and makes marks that tell nothing of them to who has no passphrase."""

    _key: bytes = field(repr=False)

    def opened(self, value: Any) -> Any:
        """A value of the state with all secrets in it in plain. Sealed if one does not open."""
        if isinstance(value, Mapping):
            if value.get(_SIGNATURE) == _SECRET:
                return json.loads(self.text(str(value.get("ciphertext", ""))))
            return {key: self.opened(item) for key, item in value.items()}
        return [self.opened(item) for item in value] if isinstance(value, list) else value

    def text(self, sealed: str) -> str:
        """One text of the form `v1:nonce:ciphertext`. Sealed if it is none, or does not open."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            version, nonce, data = sealed.split(":")
            if version != "v1":
                raise Sealed(version)
            return AESGCM(self._key).decrypt(base64.b64decode(nonce), base64.b64decode(data), None).decode()
        except (ValueError, InvalidTag):
            raise Sealed("does not open") from None

    def mark(self, text: str) -> str:
        """Equal for equal texts and keys."""
        return hmac.digest(self._key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


def derived(deployment: Mapping[str, Any], passphrase: str) -> StateKey | None:
    """The key of a state; None if it is protected in another way, or by another passphrase. A quarter of a
    second of a processor, during which other threads go on."""
    found = deployment.get("secrets_providers") or {}
    salt = (found.get("state") or {}).get("salt")
    if found.get("type") != "passphrase" or not isinstance(salt, str):
        return None
    try:
        version, text, check = salt.split(":", 2)
        grains = base64.b64decode(text)
    except ValueError:
        return None
    key = StateKey(hashlib.pbkdf2_hmac("sha256", passphrase.encode(), grains, _ITERATIONS, _BYTES))
    try:
        return key if version == "v1" and key.text(check) == _CHECK else None
    except Sealed:
        return None
