"""Alert on certificates of the stack's own authority, where each host has some."""

from components.rules.model import Alert, Firing, flat
from components.rules.platform import Platform, pair
from components.spec import Spec

_DAY = 86_400
DAYS = 21
"""`obs up` renews what has 30 days or fewer left: then there was none for nine days."""


def certificates(spec: Spec) -> tuple[Alert, ...]:
    """Whether all last for a while."""
    platform = Platform(spec, "certificates")
    shown = 'pages_certificate_not_after_seconds{address="host:2",instance="host:1",job="pages"}'
    return (
        platform.alert(
            name="CertificateEnding",
            expr=f'pages_certificate_not_after_seconds{{job="pages"}} - time() < {DAYS * _DAY}',
            severity="warning",
            summary="A certificate of the stack ends soon",
            description="The certificate shown at {{ $labels.address }} ends in "
            "{{ $value | humanizeDuration }}.",
            cases=lambda: pair(
                ((shown, flat(20 * _DAY + 3600)),),
                ((shown, flat(DAYS * _DAY + 3600)),),
                "1h",
                Firing("20d 0h 0m 0s", {"address": "host:2", "instance": "host:1", "job": "pages"}),
            ),
            hold="15m",
        ),
    )
