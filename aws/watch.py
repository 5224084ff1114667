"""Alarms on the parts that AWS runs, a page of them, and the budget."""

from typing import Any

from aws.documents import canonical
from aws.names import Names
from aws.parts import Alarm, Relay, Store, Task, Together, Volumes, Watch, Workspace, errors_of, late
from aws.pods import Pod
from aws.unusual import alarms as unusual
from components.plan import Pillar
from components.spec import Spec

ABOVE, BELOW = "GreaterThanThreshold", "LessThanThreshold"
DAY = 86_400
"""Seconds."""
SPARE = 0.2
"""Share of a node's storage below which somebody should act."""


def watch(
    spec: Spec,
    names: Names,
    store: Store,
    metrics: Workspace | Volumes,
    relay: Relay,
    programs: tuple[Task | Pod, ...],
) -> Watch:
    """The part of it; its alarms are told by the relay's topic of alarms, to people."""
    written = (relay, *(one for one in programs if one.log_group))
    kept = _volumes(names) if isinstance(metrics, Volumes) else _workspace(names)
    bare = (
        *_domain(store, names),
        *kept,
        *_relay(relay, names),
        *_away(programs, names),
        *unusual(names, written),
    )
    found = tuple(alarm.model_copy(update={"text": told_of(spec, alarm.text)}) for alarm in bare)
    small = Together(
        name=names.own("store-small"),
        text=told_of(spec, "The store is too small for what it is given"),
        of=tuple(alarm.name for alarm in found if not alarm.told),
    )
    return Watch(
        place=names.region,
        pillar=Pillar.ALERTING,
        needs=(store.id, metrics.id, relay.id),
        alarms=found,
        together=(small,),
        dashboard=names.prefix,
        body=canonical(
            {
                "widgets": [
                    *(_widget(names, *item) for item in enumerate(found)),
                    _errors(names, len(found), written),
                ]
            }
        ),
        budget=names.prefix,
        monthly_usd=spec.aws.budget.monthly_usd,
        mails=spec.aws.budget.notify,
        tag=("environment", spec.environment.name),
    )


def told_of(spec: Spec, text: str, section: str = "alarms") -> str:
    """What people read in a mail: what it is, whose, and what to do."""
    runbook = f"{spec.alerting.runbook_base}docs/targets/aws.md#{section}"
    return f"{text}. Owner: {spec.environment.team}. Runbook: {runbook}"


def _domain(store: Store, names: Names) -> tuple[Alarm, ...]:
    """As AWS recommends. A store with much to do is none that fails: a busy processor and a queue of writes
    are told together alone."""
    of = (("ClientId", names.account), ("DomainName", store.domain))
    spare = store.storage_gib * 1024 * SPARE
    return tuple(
        Alarm(
            name=names.own(name),
            text=text,
            namespace="AWS/ES",
            metric=metric,
            dimensions=of,
            statistic="Maximum" if comparison == ABOVE else "Minimum",
            comparison=comparison,
            threshold=threshold,
            minutes=minutes,
            told=name not in ("store-busy", "store-queue"),
        )
        for name, text, metric, comparison, threshold, minutes in (
            ("store-red", "Some of what is stored cannot be read", "ClusterStatus.red", ABOVE, 0, 2),
            ("store-full", "A node runs out of storage", "FreeStorageSpace", BELOW, spare, 5),
            ("store-blocked", "The store takes no writes", "ClusterIndexWritesBlocked", ABOVE, 0, 5),
            ("store-memory", "A node is short of memory", "JVMMemoryPressure", ABOVE, 95, 15),
            ("store-key", "The store cannot use its key", "KMSKeyError", ABOVE, 0, 1),
            ("store-copy", "The store was not copied", "AutomatedSnapshotFailure", ABOVE, 0, 1),
            ("store-busy", "The store's processors are busy", "CPUUtilization", ABOVE, 80, 15),
            ("store-queue", "Writes wait for the store", "ThreadpoolWriteQueue", ABOVE, 100, 15),
        )
    )


def _workspace(names: Names) -> tuple[Alarm, ...]:
    """What a workspace says of itself: some of it for each reason or rule group, so all of these are added
    up. Where nothing is wrong it says nothing; where no samples come, it does not say so either."""
    workspace = late("workspace")
    of = (("Workspace", workspace),)
    arrived = Alarm(
        name=names.own("samples-absent"),
        text="The workspace is given no samples: no rule fires",
        namespace="AWS/Usage",
        metric="ResourceCount",
        dimensions=(("Service", "Prometheus"), ("Resource", "IngestionRate"), ("ResourceId", workspace)),
        statistic="Maximum",
        comparison=BELOW,
        threshold=0.001,
        minutes=15,
        missing="breaching",
        across=True,
    )
    refused = tuple(
        Alarm(
            name=names.own(name),
            text=text,
            namespace="AWS/Prometheus",
            metric=metric,
            dimensions=of,
            statistic="Sum",
            comparison=ABOVE,
            threshold=0,
            minutes=5,
            across=True,
        )
        for name, text, metric in (
            ("samples-refused", "The workspace refuses samples", "DiscardedSamples"),
            ("rules-failing", "The workspace cannot judge rules", "RuleEvaluationFailures"),
            ("rules-late", "The workspace judges rules too seldom", "RuleGroupIterationsMissed"),
            ("not-notified", "The workspace cannot tell of alerts", "AlertManagerNotificationsFailed"),
            ("notified-late", "The workspace tells too much at once", "AlertManagerNotificationsThrottled"),
        )
    )
    return (arrived, *refused)


def _volumes(names: Names) -> tuple[Alarm, ...]:
    """Who waits for a volume scrapes late and judges late."""
    alarm = Alarm(
        name=names.own("volumes-slow"),
        text="Tasks wait for their volumes",
        namespace="AWS/EFS",
        metric="PercentIOLimit",
        dimensions=(("FileSystemId", late("volumes")),),
        statistic="Average",
        comparison=ABOVE,
        threshold=90,
        minutes=15,
    )
    return (alarm,)


def _relay(relay: Relay, names: Names) -> tuple[Alarm, ...]:
    """What the topic could not give to the relay, or it not take; and what nobody has looked at for a day."""
    return tuple(
        Alarm(
            name=names.own(name),
            text=text,
            namespace=namespace,
            metric=metric,
            dimensions=(of,),
            statistic=statistic,
            comparison=ABOVE,
            threshold=threshold,
            minutes=5,
        )
        for name, text, namespace, metric, of, statistic, threshold in (
            (
                "not-relayed",
                "Messages did not reach the relay",
                "AWS/SNS",
                "NumberOfNotificationsFailed",
                ("TopicName", relay.topic),
                "Sum",
                0,
            ),
            (
                "relayed-late",
                "The relay is called too often at once",
                "AWS/Lambda",
                "Throttles",
                ("FunctionName", relay.function),
                "Sum",
                0,
            ),
            (
                "undelivered-old",
                "What was not delivered lies there for a day",
                "AWS/SQS",
                "ApproximateAgeOfOldestMessage",
                ("QueueName", relay.queue),
                "Maximum",
                DAY,
            ),
        )
    )


def _away(programs: tuple[Task | Pod, ...], names: Names) -> tuple[Alarm, ...]:
    """Where a program of the stack's own is away. Of most an alert tells too, but for the one that scrapes:
    without it there are no samples, and no rule fires. Of services their owners' alerts tell.

    Of pods EKS counts those alone that no node has room for. One that ends again and again an alert tells;
    of the one that scrapes, `samples-absent` does."""
    waiting = Alarm(
        name=names.own("pods-waiting"),
        text="Pods wait for a node",
        namespace="AWS/EKS",
        metric="scheduler_pending_pods_UNSCHEDULABLE",
        dimensions=(("ClusterName", names.prefix),),
        statistic="Sum",
        comparison=ABOVE,
        threshold=0,
        minutes=10,
    )
    tasks = [one for one in programs if isinstance(one, Task)]
    return (*((waiting,) if len(tasks) < len(programs) else ()), *_tasks(tasks, names))


def _tasks(tasks: list[Task], names: Names) -> tuple[Alarm, ...]:
    return tuple(
        Alarm(
            name=names.own(f"away-{instance}"),
            text=f"No task of {instance} runs",
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


def _errors(names: Names, position: int, parts: tuple[Relay | Task | Pod, ...]) -> dict[str, Any]:
    """A graph of what programs log as errors."""
    return {
        **_place(position),
        "properties": {
            "title": names.own("errors"),
            "region": names.region,
            "metrics": [[*errors_of(part.log_group), {"stat": "Sum"}] for part in parts],
            "period": 300,
        },
    }


def _place(position: int) -> dict[str, Any]:
    """Two in a row."""
    x, y = 12 * (position % 2), 6 * (position // 2)
    return {"type": "metric", "x": x, "y": y, "width": 12, "height": 6}


def _widget(names: Names, position: int, alarm: Alarm) -> dict[str, Any]:
    """A graph of what an alarm watches."""
    dimensions = [part for pair in alarm.dimensions for part in pair]
    one = [alarm.namespace, alarm.metric, *dimensions, {"stat": alarm.statistic}]
    shown = [{"expression": alarm.query, "label": alarm.metric}] if alarm.across else one
    return {
        **_place(position),
        "properties": {
            "title": alarm.name,
            "region": names.region,
            "metrics": [shown],
            "annotations": {"horizontal": [{"label": "alarm", "value": alarm.threshold}]},
            "period": 60,
        },
    }
