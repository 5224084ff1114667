"""Alarms on the parts that AWS runs, a page of them, and the budget."""

from typing import Any

from aws.documents import canonical
from aws.names import Names
from aws.parts import Alarm, Relay, Store, Task, Volumes, Watch, Workspace, late
from components.plan import Pillar
from components.spec import Spec

ABOVE, BELOW = "GreaterThanThreshold", "LessThanThreshold"
SPARE = 0.2
"""Share of a node's storage below which somebody should act."""


def watch(
    spec: Spec,
    names: Names,
    store: Store,
    metrics: Workspace | Volumes,
    relay: Relay,
    tasks: tuple[Task, ...],
) -> Watch:
    """The part of it; its alarms are told by the relay's topic of alarms, to people."""
    kept = _volumes(names) if isinstance(metrics, Volumes) else _workspace(names)
    found = (*_domain(store, names), *kept, *_topic(relay, names), *_tasks(tasks, names))
    return Watch(
        place=names.region,
        pillar=Pillar.ALERTING,
        needs=(store.id, metrics.id, relay.id),
        alarms=found,
        dashboard=names.prefix,
        body=canonical({"widgets": [_widget(names, *item) for item in enumerate(found)]}),
        budget=names.prefix,
        monthly_usd=spec.aws.budget.monthly_usd,
        mails=spec.aws.budget.notify,
        tag=("environment", spec.environment.name),
    )


def _domain(store: Store, names: Names) -> tuple[Alarm, ...]:
    of = (("ClientId", names.account), ("DomainName", store.domain))
    spare = store.storage_gib * 1024 * SPARE
    return tuple(
        Alarm(
            name=names.own(name),
            text=f"{text}: docs/targets/aws.md#alarms",
            namespace="AWS/ES",
            metric=metric,
            dimensions=of,
            statistic="Maximum" if comparison == ABOVE else "Minimum",
            comparison=comparison,
            threshold=threshold,
            minutes=minutes,
        )
        for name, text, metric, comparison, threshold, minutes in (
            ("store-red", "Some of what is stored cannot be read", "ClusterStatus.red", ABOVE, 0, 2),
            ("store-full", "A node runs out of storage", "FreeStorageSpace", BELOW, spare, 5),
            ("store-blocked", "The store takes no writes", "ClusterIndexWritesBlocked", ABOVE, 0, 5),
            ("store-memory", "A node is short of memory", "JVMMemoryPressure", ABOVE, 95, 15),
            ("store-key", "The store cannot use its key", "KMSKeyError", ABOVE, 0, 1),
        )
    )


def _workspace(names: Names) -> tuple[Alarm, ...]:
    """Each has dimensions that only the service knows: the workspace's id."""
    of = (("Workspace", late("workspace")),)
    return tuple(
        Alarm(
            name=names.own(name),
            text=f"{text}: docs/targets/aws.md#alarms",
            namespace="AWS/Prometheus",
            metric=metric,
            dimensions=of,
            statistic="Sum",
            comparison=ABOVE,
            threshold=0,
            minutes=5,
        )
        for name, text, metric in (
            ("samples-refused", "The workspace refuses samples", "DiscardedSamples"),
            ("rules-failing", "The workspace cannot judge rules", "RuleEvaluationFailures"),
            ("not-notified", "The workspace cannot tell of alerts", "AlertManagerNotificationsFailed"),
        )
    )


def _volumes(names: Names) -> tuple[Alarm, ...]:
    """Who waits for a volume scrapes late and judges late."""
    alarm = Alarm(
        name=names.own("volumes-slow"),
        text="Tasks wait for their volumes: docs/targets/aws.md#alarms",
        namespace="AWS/EFS",
        metric="PercentIOLimit",
        dimensions=(("FileSystemId", late("volumes")),),
        statistic="Average",
        comparison=ABOVE,
        threshold=90,
        minutes=15,
    )
    return (alarm,)


def _topic(relay: Relay, names: Names) -> tuple[Alarm, ...]:
    """What the topic could not give to the relay at all."""
    alarm = Alarm(
        name=names.own("not-relayed"),
        text="Messages did not reach the relay: docs/targets/aws.md#alarms",
        namespace="AWS/SNS",
        metric="NumberOfNotificationsFailed",
        dimensions=(("TopicName", relay.topic),),
        statistic="Sum",
        comparison=ABOVE,
        threshold=0,
        minutes=5,
    )
    return (alarm,)


def _tasks(tasks: tuple[Task, ...], names: Names) -> tuple[Alarm, ...]:
    """Where a program of the stack's own is away. Of most an alert tells too, but for the one that scrapes:
    without it there are no samples, and no rule fires. Of services their owners' alerts tell."""
    return tuple(
        Alarm(
            name=names.own(f"away-{instance}"),
            text=f"No task of {instance} runs: docs/targets/aws.md#alarms",
            namespace="ECS/ContainerInsights",
            metric="RunningTaskCount",
            dimensions=(("ClusterName", names.prefix), ("ServiceName", instance)),
            statistic="Maximum",
            comparison=BELOW,
            threshold=1,
            minutes=10,
            missing="breaching",
        )
        for task in tasks
        if task.pillar is not Pillar.SERVICES
        for instance in task.instances
    )


def _widget(names: Names, position: int, alarm: Alarm) -> dict[str, Any]:
    """A graph of what an alarm watches, two in a row."""
    dimensions = [part for pair in alarm.dimensions for part in pair]
    return {
        "type": "metric",
        "x": 12 * (position % 2),
        "y": 6 * (position // 2),
        "width": 12,
        "height": 6,
        "properties": {
            "title": alarm.name,
            "region": names.region,
            "metrics": [[alarm.namespace, alarm.metric, *dimensions, {"stat": alarm.statistic}]],
            "annotations": {"horizontal": [{"label": "alarm", "value": alarm.threshold}]},
            "period": 60,
        },
    }
