"""What is unusual in the logs of the stack's own programs: CloudWatch learns what each writes, and an alarm
tells people of what differs much from that.

Of the logs of services nobody is told here: what they write is in the store, and their owners' alerts tell.
"""

from typing import TYPE_CHECKING, Any

from aws.names import Names
from aws.parts import Alarm, Detector, Relay, Task, errors_of
from components.plan import Pillar
from components.spec import Spec
from components.spec.aws import days

if TYPE_CHECKING:
    from aws.pods import Pod

SHORTEST, LONGEST = 7, 90
"""Days for which CloudWatch tells of an anomaly before it takes it for usual."""
ACTIONS = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")


def detector(spec: Spec, names: Names, program: str, pillar: Pillar) -> Detector | None:
    """Of a program's log group; as long as its lines are there, if CloudWatch can."""
    if not spec.aws.log_anomalies or pillar is Pillar.SERVICES:
        return None
    kept = days(spec.aws.log_retention)
    return Detector(name=names.own(program), days=min(max(kept, SHORTEST), LONGEST))


def alarms(names: Names, parts: "tuple[Relay | Task | Pod, ...]") -> tuple[Alarm, ...]:
    """Of what CloudWatch itself thinks to be of high priority. A detector says nothing where nothing is."""
    return tuple(
        Alarm(
            name=names.own(f"unusual-{errors_of(part.log_group)[1]}"),
            text=f"What is in the log {part.log_group} is unusual",
            namespace="AWS/Logs",
            metric="AnomalyCount",
            dimensions=(("LogAnomalyDetector", found.name), ("LogAnomalyPriority", "HIGH")),
            statistic="Sum",
            comparison="GreaterThanThreshold",
            threshold=0,
            minutes=1,
        )
        for part in parts
        if (found := part.detector)
    )


def may_use_key(spec: Spec, names: Names) -> list[dict[str, Any]]:
    """Statements of the key's policy: what a detector has learnt is encrypted with it, and again when it
    learns more."""
    if not spec.aws.log_anomalies:
        return []
    context = "kms:EncryptionContext:%saws:logs:arn"
    return [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{names.region}.amazonaws.com"},
            "Action": [*ACTIONS, *more],
            "Resource": "*",
            "Condition": {"ArnLike": {context % prefix: names.arn("logs", "anomaly-detector:*")}},
        }
        for sid, prefix, more in (
            ("Detectors", "", ()),
            ("DetectorsAgain", "aws-crypto-ec:", ("kms:ReEncryptFrom", "kms:ReEncryptTo")),
        )
    ]
