"""The units of a host: each program of the inventory and each service that the stack starts, as a process.

What a program is told and how it is run stand in `components.render`; what is the host's stands here.
"""

from collections.abc import Callable

from components.inventory import STORE, Program, programs
from components.plan import Pillar, name_of, part_id
from components.render import collector, services, tls
from components.render.document import Documents
from components.render.opensearch_store import LENT
from components.render.programs import RENDERERS, Renderer
from components.render.text import texts
from components.running import Health, Running, checks_of
from components.site import Site
from components.spec import Service, Spec
from vsi.site import MERGED, OPERATOR
from vsi.unit import HostUnit, Process, Ready, Settled

CA = "{secrets}/tls/ca.pem"
CERTIFICATE = f"{{secrets}}/tls/{OPERATOR}.pem"
Ids = Callable[[str], tuple[str, ...]]
"""Name of a program or service -> ids of the units that it is."""
_MERGING: dict[str, Renderer] = {**RENDERERS, "collector": collector}
"""Here one collector does the work of those that are `MERGED` too."""


def all_units(spec: Spec, site: Site) -> list[HostUnit]:
    """Every unit of a stack on this machine, in no particular order."""
    units = [
        program_unit(spec, site, row, _MERGING[row.name]) for row in programs(spec) if row.name not in MERGED
    ]
    if spec.logging.store.address:
        units = [_of_tenant(unit) for unit in units]
    units += [service_unit(spec, site, service) for service in spec.services if service.run]
    return units


def _of_tenant(unit: HostUnit) -> HostUnit:
    """Without an own store to wait for, which would have brought the secrets that others read."""
    needs = tuple(need for need in unit.needs if name_of(need) not in STORE)
    read = {name for name in LENT if any(f"/{name}" in text for _, text in unit.files)}
    secrets = tuple(sorted({*unit.secrets, *read}))
    return unit.model_copy(update={"needs": needs, "secrets": secrets})


def program_unit(
    spec: Spec, site: Site, row: Program, renderer: Renderer | None = None, ids: Ids | None = None
) -> HostUnit:
    """A program of the inventory. What it needs is on its own host, unless `ids` says otherwise."""
    renderer = renderer or RENDERERS[row.name]
    run = renderer.running(spec, site)
    return HostUnit(
        name=row.name,
        place=site.name,
        pillar=row.pillar,
        engines=(row.engine,) if row.engine else (),
        files=_files(renderer.render(spec, site)),
        checks=run.checks,
        process=Process(
            command=run.command,
            environment=run.environment,
            reload=run.reload,
            setup_only_files=run.setup_only,
            refuses_root=run.refuses_root,
            stop_seconds=run.stop_seconds,
            ready=_ready(site, run.health),
            settled=_settled(site, run),
        ),
        setup=run.setup,
        ports=tuple(site.port(socket.name) for socket in row.sockets if site.has(socket.name)),
        secrets=run.secrets,
        needs=_needs(site, ids, *run.needs),
        memory_mb=run.memory_mb,
    )


def service_unit(spec: Spec, site: Site, service: Service, ids: Ids | None = None) -> HostUnit:
    """A service that the stack starts."""
    run = service.run
    if run is None:
        raise ValueError(f"service {service.name} is not run by the stack")
    command = (*run.command, "--settings", "settings.json")
    own = site.service(service)
    metrics = [
        f"{'https' if own.asks else 'http'}://{own.bind}{endpoint.path}"
        for endpoint in service.metrics
        if endpoint.address in (None, own.bind) and endpoint.scheme == "http" and not endpoint.basic_auth
    ]
    return HostUnit(
        name=service.name,
        place=site.name,
        pillar=Pillar.SERVICES,
        files=_files(services.render(spec, site, service)),
        checks=checks_of(command),
        process=Process(
            command=command,
            ready=Ready(
                url=f"tcp://{own.bind}",
                answers=metrics[0] if metrics else None,
                ca=CA if own.asks else None,
                certificate=CERTIFICATE if own.asks else None,
            ),
        ),
        secrets=tls.passwords(site) if run.redis else (),
        ports=(own.port,),
        needs=_needs(site, ids, *run.calls, *(("redis",) if run.redis else ())),
        memory_mb=run.memory_mb,
    )


def _needs(site: Site, ids: Ids | None, *names: str) -> tuple[str, ...]:
    if ids is None:
        return tuple(part_id(name, site.name) for name in names)
    return tuple(found for name in names for found in ids(name))


def _files(documents: Documents) -> tuple[tuple[str, str], ...]:
    return tuple(texts(documents).items())


def _ready(site: Site, health: Health) -> Ready:
    """Asked on the host itself, where the program listens."""
    at = site.bind(health.listener)
    if health.protocol == "redis":
        return Ready(url=f"redis://{at}", seconds=health.seconds)
    if site.serves_tls(health.listener):
        shown = CERTIFICATE if site.listeners[health.listener].asks else None
        return Ready(url=f"https://{at}{health.path}", ca=CA, certificate=shown, seconds=health.seconds)
    return Ready(url=f"http://{at}{health.path}", seconds=health.seconds)


def _settled(site: Site, run: Running) -> Settled | None:
    """Asked of the member that is to be changed, at the address at which it listens."""
    asked = run.settled
    if asked is None:
        return None
    url = f"https://{site.bind(asked.listener)}"
    return Settled(
        url=url,
        user=asked.user,
        password_secret=asked.secret,
        ca=CA,
        seconds=asked.seconds,
        peers=tuple(peer for peer in site.urls(asked.listener) if peer != url),
    )
