"""Alarms on the managed parts, a page of them, and the budget."""

import pulumi
from pulumi_aws import budgets, cloudwatch

from aws.parts import Alarm, Watch
from aws.resources.component import Account, Component

MINUTE = 60
SHARE = 80
"""Percent of the budget at which people are told."""


class WatchComponent(Component):
    """Told by mail, and not by the relay: it is one of the things that are watched."""

    def __init__(self, account: Account, part: Watch, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        made = {alarm.name: self._alarm(alarm) for alarm in part.alarms}
        for alarm in part.together:
            cloudwatch.CompositeAlarm(
                self.named(alarm.name),
                alarm_name=alarm.name,
                alarm_description=alarm.text,
                alarm_rule=" AND ".join(f'ALARM("{name}")' for name in alarm.of),
                alarm_actions=[account.late["alarms"]],
                opts=self.options(depends_on=[made[name] for name in alarm.of]),
            )
        cloudwatch.Dashboard(
            self.named("page"),
            dashboard_name=part.dashboard,
            dashboard_body=account.filled(part.body),
            opts=self.options(),
        )
        if part.mails:
            self._budget(part)
        self.register_outputs({"dashboard": part.dashboard})

    def _alarm(self, alarm: Alarm) -> cloudwatch.MetricAlarm:
        """Of one metric; or, across several, of what a query makes of them."""
        filled = self.account.filled
        one = None if alarm.across else alarm
        queries = [
            cloudwatch.MetricAlarmMetricQueryArgs(
                id="all", expression=filled(alarm.query), period=MINUTE, return_data=True
            )
        ]
        return cloudwatch.MetricAlarm(
            self.named(alarm.name),
            name=alarm.name,
            alarm_description=alarm.text,
            namespace=one and one.namespace,
            metric_name=one and one.metric,
            dimensions=one and {name: filled(value) for name, value in one.dimensions},
            statistic=one and one.statistic,
            period=one and MINUTE,
            metric_queries=None if one else queries,
            evaluation_periods=alarm.minutes,
            threshold=alarm.threshold,
            comparison_operator=alarm.comparison,
            treat_missing_data=alarm.missing,
            alarm_actions=[self.account.late["alarms"]] if alarm.told else [],
            opts=self.options(),
        )

    def _budget(self, part: Watch) -> None:
        """Of what has the stack's tag, which is to be activated for costs once in an account."""
        budgets.Budget(
            self.named("budget"),
            name=part.budget,
            budget_type="COST",
            limit_amount=str(part.monthly_usd),
            limit_unit="USD",
            time_unit="MONTHLY",
            cost_filters=[
                budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:{part.tag[0]}${part.tag[1]}"])
            ],
            notifications=[
                budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=share,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=list(part.mails),
                )
                for kind, share in (("ACTUAL", SHARE), ("FORECASTED", 100))
            ],
            opts=self.options(),
        )
