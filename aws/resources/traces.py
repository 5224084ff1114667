"""X-Ray, where it keeps traces."""

import pulumi
from pulumi_aws import xray

from aws.parts import Traces
from aws.resources.component import Account, Component


class TracesComponent(Component):
    """The stack's traces as a group: an account has one X-Ray for all that is in it."""

    def __init__(self, account: Account, part: Traces, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        group = xray.Group(
            self.named("group"),
            group_name=part.group,
            filter_expression=part.filter,
            insights_configuration=xray.GroupInsightsConfigurationArgs(insights_enabled=True),
            opts=self.options(),
        )
        self.register_outputs({"group": group.arn})
