"""What is done with a log of the stack's own programs beside keeping it."""

from pulumi_aws import cloudwatch

from aws.parts import Relay, Task, errors_of
from aws.pods import Pod
from aws.resources.component import Component

ERRORS = '{ ($.level = "error") || ($.level = "ERROR") || ($.log_level = "error") }'
"""As collectors and Jaeger, Prometheus and Alertmanager, and our own programs write it."""
QUERY = """fields @timestamp, @logStream, @message
| filter level in ["error", "ERROR"] or log_level = "error" or @message like /Traceback/
| sort @timestamp desc
| limit 200"""


OFTEN = "FIFTEEN_MIN"
"""How often CloudWatch looks for what is unusual."""


def looked_at(of: Component, group: cloudwatch.LogGroup, part: Relay | Task | Pod) -> None:
    """Errors in it are counted, for the page; a query that shows them is saved, for whoever looks; and what
    is unusual in it is found, if the stack file wants that."""
    namespace, metric = errors_of(part.log_group)
    cloudwatch.LogMetricFilter(
        of.named("errors"),
        name="errors",
        log_group_name=group.name,
        pattern=ERRORS,
        metric_transformation=cloudwatch.LogMetricFilterMetricTransformationArgs(
            namespace=namespace, name=metric, value="1", default_value="0"
        ),
        opts=of.options(),
    )
    cloudwatch.QueryDefinition(
        of.named("query"),
        name=f"{namespace}/errors of {metric}",
        query_string=QUERY,
        log_group_names=[group.name],
        opts=of.options(),
    )
    if part.detector:
        cloudwatch.LogAnomalyDetector(
            of.named("unusual"),
            detector_name=part.detector.name,
            log_group_arn_lists=[group.arn],
            evaluation_frequency=OFTEN,
            anomaly_visibility_time=part.detector.days,
            kms_key_id=of.account.late["key"],
            enabled=True,
            opts=of.options(),
        )
