"""What looks like a secret is not shown."""

import pytest

from components.review.masking import MASK, looks_secret, masked, masked_at


@pytest.mark.parametrize(
    "text",
    [
        "https://user:hunter2@db.example/x",
        "key AKIAABCDEFGHIJKLMNOP",
        "xoxb-123456789012-abcdefghijkl",
        "https://hooks.slack.com/services/T000/B000/XXXX",
        "Authorization: Bearer abcdefghij0123456789",
        "authorization: basic dXNlcjpodW50ZXIyMg==",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_credentials_are_known_by_their_shape(text: str) -> None:
    assert looks_secret(text)
    assert MASK in masked(text)


@pytest.mark.parametrize("line", ["password: hunter2x", '"api_key": "abc-def"', "DB_PASSWORD=hunter2x"])
def test_and_by_the_key_before_them(line: str) -> None:
    assert masked(line).endswith((MASK, f'{MASK}"'))
    assert "hunter2" not in masked(line)


@pytest.mark.parametrize(
    "line",
    [
        "password_file: /etc/obs/secrets/pass",
        "password: ${env:PASSWORD}",
        "secret: pager-key",
        'max by (service) (rate(x{token!=""}[5m])) > 0.5',
        "retention: 7d",
        "asks for basic authentication-by-password",
        "https://db.example:9200/x",
    ],
)
def test_what_only_names_one_is_shown(line: str) -> None:
    assert masked(line) == line


def test_values_at_keys_of_secrets_are_masked_however_deep() -> None:
    given = {"options": {"token": "abcdef-abcdef", "rate": 5, "enabled": True}}
    assert masked_at("run", given) == {"options": {"token": MASK, "rate": 5, "enabled": True}}
