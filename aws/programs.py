"""Which programs of a stack are tasks, each with what it reads and may do."""

from dataclasses import replace

from aws.balancer import shown, taking
from aws.grafana import grafana_work
from aws.images import image
from aws.names import Names
from aws.pairs import pairs
from aws.parts import Archive, Balancer, Compute, Relay, Store, Task, Volumes, Workspace, late
from aws.pods import Pod, Pods, pod
from aws.policies import allow
from aws.services import service_work, shipper_work
from aws.site import by_xray, site_of
from aws.store import ADMINISTRATOR
from aws.tasks import Work, task
from components.inventory import BY_NAME, runs_redis
from components.plan import Pillar, part_id
from components.render import housekeeper, opensearch, opensearch_store, prometheus_agent, xray
from components.render.programs import RENDERERS
from components.spec import Spec


def programs(
    spec: Spec,
    names: Names,
    compute: Compute | Pods,
    store: Store,
    archive: Archive,
    metrics: Workspace | Volumes,
    relay: Relay,
    balancer: Balancer | None,
) -> tuple[Task | Pod, ...]:
    """A task of each, or pods, and of each service that the stack runs."""
    images, stored = spec.aws.images, (compute.id, store.id, part_id("housekeeper", names.region))
    keeps = (
        _xray(spec, names, (compute.id,))
        if by_xray(spec)
        else _program(spec, "jaeger", images.jaeger, stored)
    )
    before = (part_id(keeps.name, names.region), *([balancer.id] if balancer else []))
    gateway = _program(spec, "collector", image(spec, "collector"), (*stored, *before))
    works = [
        _keeper(spec, names, archive, (compute.id, store.id, archive.id)),
        keeps,
        replace(gateway, balanced=taking(balancer)) if balancer else gateway,
        *(
            pairs(spec, names, compute, metrics, relay)
            if isinstance(metrics, Volumes) and isinstance(compute, Compute)
            else [_scraper(spec, names, (compute.id, metrics.id, relay.id))]
        ),
    ]
    if runs_redis(spec):
        works.append(_program(spec, "redis", images.redis, (compute.id,)))
    if BY_NAME["redis-exporter"].runs(spec):
        redis = part_id("redis", names.region)
        works.append(_program(spec, "redis-exporter", image(spec, "programs"), (compute.id, redis)))
    if isinstance(compute, Pods):
        works.append(shipper_work(spec, names, tuple(work.name for work in works), stored))
    before = (compute.id, metrics.id, part_id(keeps.name, names.region))
    if shows := grafana_work(spec, names, metrics, store, before):
        works.append(replace(shows, balanced=shown(balancer)))
    works += [service_work(spec, names, service, stored) for service in spec.services if service.run]
    made = pod if isinstance(compute, Pods) else task
    return tuple(made(spec, names, work) for work in works)


def _program(spec: Spec, name: str, made_of: str | None, needs: tuple[str, ...]) -> Work:
    """A program as every target has it. Of several gateways each passes spans on to the one whose trace it
    is."""
    site, renderer = site_of(spec), RENDERERS[name]
    run = renderer.running(spec, site)
    return Work(
        name=name,
        pillar=BY_NAME[name].pillar,
        image=made_of or "",
        command=run.command,
        documents=renderer.render(spec, site),
        memory_mb=run.memory_mb,
        secrets=run.secrets,
        environment=run.environment,
        needs=needs,
    )


def _keeper(spec: Spec, names: Names, archive: Archive, needs: tuple[str, ...]) -> Work:
    """Brings templates, roles and users of the store in line whenever they changed, and then keeps retention:
    what is deleted is in the archive before. It does not run before the store is as described, and a
    deployment that could not make it so fails."""
    site, run = site_of(spec), housekeeper.running(spec, site_of(spec))
    bucket = names.arn("s3", archive.bucket, everywhere=True)
    into = {"bucket": archive.bucket, "region": names.region}
    return Work(
        name="housekeeper",
        pillar=Pillar.LOGGING,
        image=image(spec, "programs"),
        command=run.command,
        documents={**housekeeper.render(spec, site, into), **opensearch_store.render(spec, site)},
        memory_mb=run.memory_mb,
        secrets=(*opensearch.SECRETS, ADMINISTRATOR),
        before=opensearch.SETUP_COMMAND,
        may=(
            allow(("s3:GetObject", "s3:PutObject"), (f"{bucket}/logs/*", f"{bucket}/manifests/*")),
            allow(("s3:ListBucket",), (bucket,)),  # without, what is not there is forbidden
            allow(("kms:GenerateDataKey",), (late("key"),)),
        ),
        needs=needs,
    )


def _xray(spec: Spec, names: Names, needs: tuple[str, ...]) -> Work:
    """The collector of AWS, in Jaeger's place. It may write spans, and nothing else."""
    return Work(
        name=xray.NAME,
        pillar=Pillar.TRACING,
        image=spec.aws.images.xray or "",
        command=xray.command(),
        documents=xray.render(spec, site_of(spec), names.region),
        memory_mb=xray.MEMORY_MB,
        may=(allow(("xray:PutTraceSegments",), ("*",)),),
        needs=needs,
    )


def _scraper(spec: Spec, names: Names, needs: tuple[str, ...]) -> Work:
    """Prometheus as an agent, in front of the workspace. It may write into that one, and nothing else."""
    run = prometheus_agent.running(spec, site_of(spec))
    url = f"{late('workspace-url')}api/v1/remote_write"
    return Work(
        name="prometheus",
        pillar=Pillar.METRICS,
        image=spec.aws.images.prometheus or "",
        command=run.command,
        documents=prometheus_agent.render(spec, site_of(spec), url, names.region),
        memory_mb=run.memory_mb,
        secrets=run.secrets,
        given=run.secrets,
        may=(allow(("aps:RemoteWrite",), (late("workspace-arn"),)),),
        needs=needs,
    )
