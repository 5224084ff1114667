"""From the spec to what stands in a namespace: releases of charts, and objects of ours.

Pure: no I/O, no clock, nothing of the machine. What this target cannot do is refused in `k8s.refusals`.
"""

from collections.abc import Iterable

from components.inventory import BY_NAME, PROGRAMS, Program
from components.plan import Pillar, Secret, part_id
from components.render import (
    alertmanager,
    collector_agent,
    collector_gateway,
    fluent_bit,
    jaeger,
    opensearch,
    opensearch_dashboards,
    opensearch_store,
    services,
)
from components.render.programs import RENDERERS
from components.site import Site
from components.spec import Service, Spec
from k8s import names
from k8s.charts import RELEASES, ReleaseOf, grafana
from k8s.charts import fluent_bit as charts_fluent_bit
from k8s.instrumentation import instrumentation_parts
from k8s.issued import certificate_parts
from k8s.monitoring import alertmanager_parts, rule_parts, scrape_parts, shipper_part
from k8s.network import MANAGERS, SETUP, policies
from k8s.objects import conf_map, identity, manifest
from k8s.parts import Cluster, KubernetesPlan, Manifest, Release, StackKeys
from k8s.probes import probe_parts
from k8s.several import several_parts
from k8s.site import CONF, MONITORING, WITHOUT, certificates, site_of
from k8s.workloads import Workload, deployment, image, secret_parts, template

STORE = "opensearch"
"""The release whose users the Job makes: who logs in there comes after it."""
MOUNTED = ("ConfigMap", "Secret", "Certificate")
"""Kinds of objects that releases' pods wait for."""
KEYS = "keys"
"""The part that holds what is made once."""
FORWARDED = ("localhost", "127.0.0.1")
"""Under which names a program is asked through a port-forward."""
Kinds = Release | Manifest | StackKeys


def plan(spec: Spec, stack: str) -> KubernetesPlan:
    """The plan of a stack in a cluster; for a spec without refusals."""
    site = site_of(spec)
    own = own_pods(spec)
    releases = [one for one in RELEASES if one.runs(spec)]
    crds = tuple(part_id(one.name, spec.kubernetes.namespace) for one in releases if one.crds)
    parts: list[Kinds] = [
        *_ground(spec, site),
        *_documents(spec, site),
        *rule_parts(spec, site, crds),
        *scrape_parts(spec, site, own, crds),
        *_shipper_monitor(spec, releases, crds),
        *policies(spec, site, own),
        *probe_parts(spec, crds),
        *several_parts(spec, site),
        *instrumentation_parts(spec, site),
    ]
    given = [part.id for part in parts if isinstance(part, Manifest) and part.kind in MOUNTED]
    parts += [_release(spec, site, one, releases, given) for one in releases]
    for row in PROGRAMS:
        if row.name in own:
            parts += deployment(spec, _program(spec, site, row))
    for service in spec.services:
        if service.run:
            parts += deployment(spec, _service(spec, site, service))
    parts += [*_setup(spec, site), *_ingress(spec, site)]
    return KubernetesPlan(
        stack=stack,
        parts=tuple(_in_namespace(spec, parts)),
        secrets=tuple(secrets(spec)),
        retain=spec.deploy.retain,
        cluster=Cluster(
            kubeconfig=spec.kubernetes.kubeconfig or "",
            context=spec.kubernetes.context or "",
            namespace=spec.kubernetes.namespace,
            storage_class=spec.kubernetes.storage_class or "",
            pull_secret=spec.kubernetes.images.pull_secret or "",
            ha=spec.kubernetes.ha,
            secrets=tuple(
                dict.fromkeys(
                    names.secret(spec, secret.name)[0]
                    for secret in spec.secrets
                    if secret.source == "kubernetes"
                )
            ),
        ),
    )


def _shipper_monitor(spec: Spec, releases: list[ReleaseOf], crds: tuple[str, ...]) -> list[Manifest]:
    there = any(release.name == fluent_bit.NAME for release in releases)
    return [shipper_part(spec, charts_fluent_bit.PORT, crds)] if there else []


def own_pods(spec: Spec) -> frozenset[str]:
    """The programs and services that run in pods of ours; of all others a chart makes them."""
    released = {one.name for one in RELEASES if one.runs(spec)}
    programs = {
        row.name
        for row in PROGRAMS
        if row.name not in WITHOUT and row.name not in released and row.runs(spec)
        if row.engine in (None, "redis")
    }
    return frozenset(programs | {service.name for service in spec.services if service.run})


def secrets(spec: Spec) -> list[Secret]:
    """Passwords of the store are made once; the others come from outside, but those that are in the cluster
    already."""
    found = [Secret(name=name, source="generated", key="") for name in _generated(spec)]
    found += [
        Secret(name=secret.name, source=secret.source, key=secret.key)
        for secret in spec.secrets
        if secret.source != "kubernetes"
    ]
    return sorted(found, key=lambda secret: secret.name)


def _generated(spec: Spec) -> tuple[str, ...]:
    """Passwords that nobody brings."""
    kubernetes = spec.kubernetes
    return (
        *opensearch_store.secrets(spec),
        *((grafana.PASSWORD,) if kubernetes.grafana else ()),
        *((opensearch_dashboards.COOKIE,) if kubernetes.opensearch_dashboards else ()),
    )


def certificate_names(spec: Spec, site: Site) -> dict[str, tuple[str, ...]]:
    """Certificate -> all that it is good for beside its own name: the Services that lead to its program."""
    found: dict[str, tuple[str, ...]] = {}
    for name in certificates(site):
        sockets = BY_NAME[name].sockets if name in BY_NAME else ()
        dialled = [item for one in sockets if site.has(one.name) for item in site.dial_all(one.name)]
        hosts = [item.rpartition(":")[0] for item in dialled]
        forms = dict.fromkeys(form for host in hosts for form in (host.partition(".")[0], host))
        found[name] = tuple(form for form in forms if form != name)
        if name in MONITORING:
            found[name] += FORWARDED
    return found | _opensearch_names(spec) | _dashboards_names(spec)


def _opensearch_names(spec: Spec) -> dict[str, tuple[str, ...]]:
    """Nodes are reached by their Service, and reach each other by their pods."""
    namespace = spec.kubernetes.namespace
    nodes = [STORE, f"{STORE}-headless", MANAGERS, f"{MANAGERS}-headless"]
    names = [
        form
        for node in nodes
        for form in (node, f"{node}.{namespace}.svc", f"*.{node}", f"*.{node}.{namespace}.svc")
        if form != STORE
    ]
    return {"admin": (), "opensearch": (*names, *FORWARDED)}


def _dashboards_names(spec: Spec) -> dict[str, tuple[str, ...]]:
    """Its Service, and a port-forward."""
    if not spec.kubernetes.opensearch_dashboards:
        return {}
    name = opensearch_dashboards.NAME
    return {name: (f"{name}.{spec.kubernetes.namespace}.svc", *FORWARDED)}


def _in_namespace(spec: Spec, parts: list[Kinds]) -> list[Kinds]:
    """Everything comes after its namespace."""
    ground = identity(spec, "Namespace", spec.kubernetes.namespace)
    return [
        part
        if part.id == ground or isinstance(part, StackKeys)
        else part.model_copy(update={"needs": (ground, *part.needs)})
        for part in parts
    ]


def _ground(spec: Spec, site: Site) -> list[Kinds]:
    """The namespace, and the Secrets. What watches nodes needs their network and files, so that the namespace
    cannot enforce `restricted`; it warns of all that is not."""
    policy = {
        f"pod-security.kubernetes.io/{mode}": level
        for mode, level in (("enforce", "privileged"), ("warn", "restricted"), ("audit", "restricted"))
    }
    named = certificate_names(spec, site)
    issuer = spec.kubernetes.certificates.issuer
    keys = StackKeys(
        name=KEYS,
        place=spec.kubernetes.namespace,
        pillar=Pillar.LOGGING,
        generated=_generated(spec),
        certificates=() if issuer else tuple(named.items()),
    )
    return [
        keys,
        manifest(
            spec,
            Pillar.METRICS,
            "Namespace",
            spec.kubernetes.namespace,
            {},
            labels=policy,
            retain=spec.deploy.retain,
        ),
        manifest(
            spec,
            Pillar.LOGGING,
            "Secret",
            names.SECRETS,
            {"type": "Opaque"},
            needs=[keys.id],
            secrets=[secret.name for secret in secrets(spec)],
        ),
        *(certificate_parts(spec, named) if issuer else [_certificates(spec, keys, named)]),
    ]


def _certificates(spec: Spec, keys: StackKeys, named: Iterable[str]) -> Manifest:
    files = [f"{name}.{kind}" for name in named for kind in ("pem", "key")]
    return manifest(
        spec,
        Pillar.LOGGING,
        "Secret",
        names.CERTIFICATES,
        {"type": "Opaque"},
        needs=[keys.id],
        secrets=[names.AUTHORITY, *files],
    )


def _documents(spec: Spec, site: Site) -> list[Manifest]:
    """What programs of charts read, as every other target has it."""
    found = [
        conf_map(spec, Pillar.TRACING, collector_gateway.NAME, collector_gateway.render(spec, site)),
        conf_map(spec, Pillar.TRACING, "jaeger", jaeger.render(spec, site)),
        *alertmanager_parts(spec, alertmanager.render(spec, site)),
    ]
    shipper = fluent_bit if spec.kubernetes.shipper == fluent_bit.NAME else collector_agent
    if documents := shipper.render(spec, site):
        found.append(conf_map(spec, Pillar.LOGGING, shipper.NAME, documents))
    if spec.kubernetes.grafana:
        found += [
            manifest(spec, Pillar.METRICS, "ConfigMap", name, {"data": data}, labels=labels)
            for name, (labels, data) in grafana.config_maps(spec, site).items()
        ]
    return found


def _release(spec: Spec, site: Site, one: ReleaseOf, releases: list[ReleaseOf], given: list[str]) -> Release:
    there = {release.name for release in releases}
    values = one.values(spec, site)
    needs = [part_id(name, spec.kubernetes.namespace) for name in one.needs if name in there]
    if STORE in one.needs:
        needs.append(identity(spec, "Job", SETUP))
    kubernetes = spec.kubernetes
    source = kubernetes.charts_dir or kubernetes.charts_mirror or one.chart.repository
    return Release(
        name=one.name,
        place=kubernetes.namespace,
        pillar=one.pillar,
        needs=tuple(needs if one.crds else [*needs, *given]),
        chart=one.chart.name,
        version=one.chart.version,
        source=source,
        values=values,
        crds=one.crds,
    )


def _program(spec: Spec, site: Site, row: Program) -> Workload:
    """A small program of ours, or Redis."""
    renderer = RENDERERS[row.name]
    run = renderer.running(spec, site)
    redis = row.engine == "redis"
    return Workload(
        name=row.name,
        pillar=row.pillar,
        image=spec.kubernetes.images.redis if redis else image(spec, "programs"),
        command=run.command,
        documents=renderer.render(spec, site),
        memory_mb=run.memory_mb,
        port=site.port(row.sockets[0].name),
        health=run.health,
        secrets=(row.password,) if row.password else (),
        certificates=(names.AUTHORITY,) if row.password else (),
        environment=run.environment,
        needs=(identity(spec, "Job", SETUP),) if row.password else (),
    )


def _service(spec: Spec, site: Site, service: Service) -> Workload:
    """A service that the stack starts. Its port takes connections when it serves."""
    run = service.run
    if run is None:
        raise ValueError(f"service {service.name} is not run by the stack")
    return Workload(
        name=service.name,
        pillar=Pillar.SERVICES,
        image=image(spec, "programs"),
        command=(*run.command, "--settings", "settings.json"),
        documents=services.render(spec, site, service),
        memory_mb=run.memory_mb,
        port=site.service(service).port,
        # Whom nobody asks works by itself, and twice would do it twice.
        replicas=2 if spec.kubernetes.ha and _is_called(spec, service) else 1,
        needs=tuple(identity(spec, "Deployment", name) for name in run.calls),
    )


def _is_called(spec: Spec, service: Service) -> bool:
    return any(other.run and service.name in other.run.calls for other in spec.services)


def _setup(spec: Spec, site: Site) -> list[Manifest]:
    """Templates, roles, users and settings of the store, brought in line by the same program as on servers. A
    Job whose pod changes is made anew, and runs again; it writes only what differs."""
    documents = {
        path: document
        for path, document in opensearch.render(spec, site).items()
        if path.startswith(opensearch.SETUP_ONLY)
    }
    work = Workload(
        name=SETUP,
        pillar=Pillar.LOGGING,
        image=image(spec, "programs"),
        command=opensearch.SETUP_COMMAND,
        documents=documents,
        memory_mb=80,
        secrets=opensearch_store.secrets(spec),
        certificates=("admin.key", "admin.pem", names.AUTHORITY),
        certificates_at=f"{CONF}/{opensearch.TLS_LINK}",
    )
    conf = conf_map(spec, Pillar.LOGGING, SETUP, documents)
    store = [one for one in RELEASES if one.name.startswith("opensearch") and one.runs(spec)]
    needs = [conf.id, *secret_parts(spec, work)]
    needs += [part_id(one.name, spec.kubernetes.namespace) for one in store if "dashboards" not in one.name]
    body = {"spec": {"backoffLimit": 6, "template": template(spec, work, restart="OnFailure")}}
    labels = names.labels(spec, SETUP)
    return [conf, manifest(spec, Pillar.LOGGING, "Job", SETUP, body, needs=needs, labels=labels)]


def _ingress(spec: Spec, site: Site) -> list[Manifest]:
    """The way from outside to the pages."""
    ingress = spec.kubernetes.ingress
    if ingress.host is None:
        return []
    backend = {"service": {"name": "pages", "port": {"number": site.port("pages")}}}
    body = {
        "spec": {
            **({"ingressClassName": ingress.class_name} if ingress.class_name else {}),
            **(
                {"tls": [{"hosts": [ingress.host], "secretName": ingress.tls_secret}]}
                if ingress.tls_secret
                else {}
            ),
            "rules": [
                {
                    "host": ingress.host,
                    "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
                }
            ],
        }
    }
    return [manifest(spec, Pillar.METRICS, "Ingress", "pages", body)]
