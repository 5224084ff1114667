"""Amazon Managed Service for Prometheus."""

import pulumi
from pulumi_aws import amp

from aws.parts import Workspace
from aws.resources.component import Account, Component
from aws.resources.log_group import log_group

RULES = "rules/"


class MetricsComponent(Component):
    """A workspace with its log, bounds, rules and routes."""

    def __init__(self, account: Account, part: Workspace, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        group = log_group(self, "log", part.log_group, part.log_days)
        workspace = amp.Workspace(
            self.named(),
            alias=part.alias,
            kms_key_arn=account.late["key"],
            logging_configuration=amp.WorkspaceLoggingConfigurationArgs(
                # The service asks for the stars behind a group's ARN: they stand for its streams.
                log_group_arn=group.arn.apply(lambda arn: f"{arn}:*")
            ),
            opts=self.kept(),
        )
        amp.WorkspaceConfiguration(
            self.named("bounds"),
            workspace_id=workspace.id,
            retention_period_in_days=part.retention_days,
            limits_per_label_sets=[
                amp.WorkspaceConfigurationLimitsPerLabelSetArgs(
                    label_set={},  # all that no other set has
                    limits=amp.WorkspaceConfigurationLimitsPerLabelSetLimitsArgs(
                        max_series=part.series_limit
                    ),
                )
            ],
            opts=self.options(),
        )
        self._judged(workspace, part)
        account.late |= {
            "workspace": workspace.id,
            "workspace-arn": workspace.arn,
            "workspace-url": workspace.prometheus_endpoint,
        }
        self.register_outputs({"workspace": workspace.id, "endpoint": workspace.prometheus_endpoint})

    def _judged(self, workspace: amp.Workspace, part: Workspace) -> None:
        """A namespace of rule groups for each file of rules, byte for byte; and who is told."""
        for path, text in part.files:
            if path.startswith(RULES):
                name = path.removeprefix(RULES).removesuffix(".yml")
                amp.RuleGroupNamespace(
                    self.named(f"rules-{name}"),
                    name=name,
                    workspace_id=workspace.id,
                    data=text,
                    opts=self.options(),
                )
        amp.AlertManagerDefinition(
            self.named("routes"),
            workspace_id=workspace.id,
            definition=dict(part.files)[part.definition],
            opts=self.options(),
        )
