"""From the managed Alertmanager to receivers."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import cloudwatch, iam, lambda_, sns, sqs

from aws.parts import Relay
from aws.resources.component import Account, Component
from aws.resources.log_group import log_group
from aws.resources.looked_at import looked_at
from aws.resources.secrets import kept

MODULE = "sns_relay"
RUNTIME = "python3.13"
SECONDS = 30
TWO_WEEKS = 14 * 86_400


class AlertingComponent(Component):
    """A topic, the function behind it, the queue of what was not delivered, and the alarm on that."""

    def __init__(
        self,
        account: Account,
        part: Relay,
        code: str,
        secrets: Mapping[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`code` is the path of the function's module."""
        super().__init__(account, part, opts)
        key = account.late["key"]
        topic = sns.Topic(
            self.named("topic"),
            name=part.topic,
            kms_master_key_id=key,
            policy=part.topic_policy,
            opts=self.options(),
        )
        queue = sqs.Queue(
            self.named("undelivered"),
            name=part.queue,
            kms_master_key_id=key,
            message_retention_seconds=TWO_WEEKS,
            policy=part.queue_policy,
            opts=self.options(),
        )
        self._secrets(part, secrets)
        function = self._function(part, code, queue)
        self._connected(topic, function, queue)
        self._alarm(part, queue)
        self.register_outputs({"topic": topic.arn, "undelivered": queue.url})

    def _secrets(self, part: Relay, secrets: Mapping[str, pulumi.Output[str]]) -> None:
        """Addresses of receivers: values go to Secrets Manager, and nowhere else."""
        for given, name in part.given:
            kept(self, given, name, secrets[given])

    def _function(self, part: Relay, code: str, queue: sqs.Queue) -> lambda_.Function:
        group = log_group(self, "log", part.log_group, part.log_days)
        looked_at(self, group, part)
        role = iam.Role(
            self.named("role"), name=part.function, assume_role_policy=part.assume, opts=self.options()
        )
        may = iam.RolePolicy(
            self.named("may"),
            role=role.id,
            policy=self.account.filled(part.role_policy),
            opts=self.options(),
        )
        function = lambda_.Function(
            self.named("relay"),
            name=part.function,
            role=role.arn,
            runtime=RUNTIME,
            architectures=["arm64"],
            handler=f"{MODULE}.handler",
            code=pulumi.AssetArchive({f"{MODULE}.py": pulumi.FileAsset(code)}),
            timeout=SECONDS,
            kms_key_arn=self.account.late["key"],
            environment=lambda_.FunctionEnvironmentArgs(variables={"RECEIVERS": part.receivers}),
            logging_config=lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=group.name),
            opts=self.options(depends_on=[may]),
        )
        lambda_.FunctionEventInvokeConfig(
            self.named("retries"),
            function_name=function.name,
            maximum_retry_attempts=2,
            destination_config=lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
                on_failure=lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(
                    destination=queue.arn
                )
            ),
            opts=self.options(),
        )
        return function

    def _connected(self, topic: sns.Topic, function: lambda_.Function, queue: sqs.Queue) -> None:
        allowed = lambda_.Permission(
            self.named("asked"),
            action="lambda:InvokeFunction",
            function=function.name,
            principal="sns.amazonaws.com",
            source_arn=topic.arn,
            opts=self.options(),
        )
        sns.TopicSubscription(
            self.named("subscription"),
            topic=topic.arn,
            protocol="lambda",
            endpoint=function.arn,
            opts=self.options(depends_on=[allowed, queue]),
        )

    def _alarm(self, part: Relay, queue: sqs.Queue) -> None:
        """It cannot be told by the relay that failed, so it goes to people by mail."""
        topic = sns.Topic(
            self.named("alarms"),
            name=part.alarms,
            kms_master_key_id=self.account.late["key"],
            opts=self.options(),
        )
        self.account.late["alarms"] = topic.arn
        for mail in part.mails:
            sns.TopicSubscription(
                self.named(f"alarms-{mail}"),
                topic=topic.arn,
                protocol="email",
                endpoint=mail,
                opts=self.options(),
            )
        cloudwatch.MetricAlarm(
            self.named("alarm"),
            name=part.queue,
            alarm_description=part.undelivered,
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": queue.name},
            statistic="Maximum",
            period=60,
            evaluation_periods=1,
            threshold=0,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[topic.arn],
            opts=self.options(),
        )
