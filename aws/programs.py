"""Which programs of a stack are tasks, each with what it reads and may do."""

from aws.names import Names
from aws.parts import Compute, Relay, Store, Task, Workspace, late
from aws.policies import allow
from aws.site import site_of
from aws.store import ADMINISTRATOR
from aws.tasks import Work, task
from components.inventory import BY_NAME
from components.plan import Pillar, part_id
from components.render import (
    collector_gateway,
    housekeeper,
    jaeger,
    opensearch,
    opensearch_store,
    prometheus_agent,
)
from components.spec import Spec


def programs(
    spec: Spec, names: Names, compute: Compute, store: Store, workspace: Workspace, relay: Relay
) -> tuple[Task, ...]:
    """A task of each."""
    keeper = part_id("housekeeper", names.region)
    ground = (compute.id, store.id)
    return tuple(
        task(spec, names, work)
        for work in (
            _keeper(spec, ground),
            _jaeger(spec, (*ground, keeper)),
            _gateway(spec, (*ground, keeper, part_id("jaeger", names.region))),
            _scraper(spec, names, (compute.id, workspace.id, relay.id)),
        )
    )


def _keeper(spec: Spec, needs: tuple[str, ...]) -> Work:
    """Brings templates, roles and users of the store in line whenever they changed, and then keeps retention.
    It does not run before the store is as described, and a deployment that could not make it so fails."""
    site, run = site_of(spec), housekeeper.running(spec, site_of(spec))
    return Work(
        name="housekeeper",
        pillar=Pillar.LOGGING,
        image=spec.aws.images.programs or "",
        command=run.command,
        documents={**housekeeper.render(spec, site), **opensearch_store.render(spec, site)},
        memory_mb=run.memory_mb,
        secrets=(*opensearch.SECRETS, ADMINISTRATOR),
        before=opensearch.SETUP_COMMAND,
        needs=needs,
    )


def _jaeger(spec: Spec, needs: tuple[str, ...]) -> Work:
    site, run = site_of(spec), jaeger.running(spec, site_of(spec))
    return Work(
        name="jaeger",
        pillar=BY_NAME["jaeger"].pillar,
        image=spec.aws.images.jaeger or "",
        command=run.command,
        documents=jaeger.render(spec, site),
        memory_mb=run.memory_mb,
        secrets=run.secrets,
        needs=needs,
    )


def _gateway(spec: Spec, needs: tuple[str, ...]) -> Work:
    """All that comes over OTLP. Of several each passes spans on to the one whose trace it is."""
    site, run = site_of(spec), collector_gateway.running(spec, site_of(spec))
    return Work(
        name="collector",
        pillar=BY_NAME["collector"].pillar,
        image=spec.aws.images.collector or "",
        command=run.command,
        documents=collector_gateway.render(spec, site),
        memory_mb=run.memory_mb,
        secrets=run.secrets,
        environment=run.environment,
        needs=needs,
    )


def _scraper(spec: Spec, names: Names, needs: tuple[str, ...]) -> Work:
    """Prometheus as an agent, in front of the workspace. It may write into that one, and nothing else."""
    run = prometheus_agent.running(spec)
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
