"""Prometheus and Alertmanager of the stack's own, each a pair of tasks whose data outlives them: what
Amazon Managed Service for Prometheus is otherwise (`aws.metrics: self`).

Each of a pair is a part of its own: it knows its name, and it alone writes into its folder. The second waits
for the first, so that a change never takes both away. Alertmanager tells the topic, as the managed one does:
a network of the stack's own has no way to receivers, which the relay has.
"""

from dataclasses import replace

from aws.documents import canonical
from aws.names import Names
from aws.parts import Compute, Key, Network, Relay, Volumes, late
from aws.policies import Statement, allow, policy, tls_only
from aws.site import PAIRS, instances, self_run, site_at
from aws.tasks import NOBODY, Work
from components.inventory import BY_NAME
from components.plan import Pillar, part_id
from components.render import alertmanager, alertmanager_sns, prometheus
from components.running import Running
from components.spec import Spec

MOUNTED = ("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite")


def volumes(spec: Spec, names: Names, key: Key, network: Network) -> Volumes | None:
    """Where both pairs keep what they have; None where AWS does."""
    if not self_run(spec):
        return None
    return Volumes(
        place=names.region,
        pillar=Pillar.METRICS,
        needs=(key.id, network.id),
        called=names.prefix,
        policy=canonical(policy(tls_only((late("volumes-arn"),), "elasticfilesystem:*"))),
        folders=tuple(name for program in PAIRS for name in instances(spec, program)),
        owner=NOBODY,
    )


def pairs(spec: Spec, names: Names, compute: Compute, volumes: Volumes, relay: Relay) -> list[Work]:
    """The tasks of both; Prometheus after Alertmanager, to whom it tells."""
    found: list[Work] = []
    before: tuple[str, ...] = (compute.id, volumes.id, relay.id)
    for instance in instances(spec, "alertmanager"):
        found.append(_alertmanager(spec, names, relay, instance, before))
        before = (*before, part_id(instance, names.region))
    for instance in instances(spec, "prometheus"):
        found.append(_prometheus(spec, instance, before))
        before = (*before, part_id(instance, names.region))
    return found


def _alertmanager(spec: Spec, names: Names, relay: Relay, instance: str, needs: tuple[str, ...]) -> Work:
    site = site_at(spec, instance)
    topic = names.arn("sns", relay.topic)
    told = allow(("sns:Publish",), (topic,))
    # The topic is under the stack's key.
    sealed = allow(("kms:GenerateDataKey",), (late("key"),))
    run = replace(alertmanager.running(spec, site), secrets=())  # which the relay has
    return replace(
        _work(instance, "alertmanager", spec.aws.images.alertmanager, run, needs),
        documents=alertmanager_sns.own(spec, topic, names.region),
        may=(_mounted(instance), told, sealed),
    )


def _prometheus(spec: Spec, instance: str, needs: tuple[str, ...]) -> Work:
    site = site_at(spec, instance)
    run = prometheus.running(spec, site)
    return replace(
        _work(instance, "prometheus", spec.aws.images.prometheus, run, needs),
        documents=prometheus.untested(spec, site),
        secrets=run.secrets,
        given=run.secrets,
        may=(_mounted(instance),),
    )


def _work(instance: str, program: str, image: str | None, run: Running, needs: tuple[str, ...]) -> Work:
    return Work(
        name=instance,
        pillar=BY_NAME[program].pillar,
        image=image or "",
        command=run.command,
        documents={},
        memory_mb=run.memory_mb,
        environment=run.environment,
        needs=needs,
        kept=True,
    )


def _mounted(instance: str) -> Statement:
    """Its own folder, and nobody else's."""
    own = {"elasticfilesystem:AccessPointArn": late(f"folder/{instance}")}
    return allow(MOUNTED, (late("volumes-arn"),), StringEquals=own)
