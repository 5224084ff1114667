"""The values of each release: what is written, and what holds of all of them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import yaml

from components.charts import CHARTS
from components.render import (
    alertmanager,
    collector_agent,
    collector_gateway,
    fluent_bit,
    opensearch,
    prometheus,
)
from components.render.document import Document
from components.render.text import text
from components.site import Listener
from components.spec import Spec
from k8s import names
from k8s.charts import RELEASES, ReleaseOf, jaeger, opentelemetry_operator
from k8s.charts import opensearch as opensearch_chart
from k8s.charts.common import DIGEST as DIGEST_KEY
from k8s.charts.common import EXCEPTIONS, size
from k8s.parts import nulls
from k8s.site import CERTIFICATES, CONF, NODE_LOGS, POD_LOGS, SECRETS, site_of
from tests import specs
from tests.k8s import chart_keys
from tests.k8s.chart_data import DATA
from tests.render import golden


def _spec(name: str, tier: str, **kubernetes: Any) -> Spec:
    environment = {"name": name, "tier": tier, "target": "kubernetes", "cluster": "eu-1", "region": "eu"}
    return specs.spec(environment=environment, kubernetes={"context": "test", **kubernetes})


IMAGES = {"registry": "registry.example/obs", "pull_secret": "registry-login"}
DIGEST = f"registry.example/otelcol@sha256:{'5' * 64}"
PROBES = [{"name": "shop", "url": "https://shop.example.com/health"}]
SPECS = {
    "dev": _spec("dev", "dev"),
    "staging": _spec("staging", "staging", storage_class="standard", images=IMAGES, shipper="fluent-bit"),
    "prod": _spec(
        "prod",
        "prod",
        ha=True,
        grafana=True,
        opensearch_dashboards=True,
        monitoring_tls=True,
        instrumentation=True,
        probes=PROBES,
        storage_class="fast",
        images={**IMAGES, "collector": DIGEST},
    ),
}
CASES = [(name, release) for name, spec in SPECS.items() for release in RELEASES if release.runs(spec)]


def _each(but: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """Every release of every spec, but those of these names."""
    cases = [(name, release) for name, release in CASES if release.name not in but]
    return pytest.mark.parametrize(
        ("name", "release"), cases, ids=[f"{name}-{release.name}" for name, release in cases]
    )


each_release = _each()
each_with_pods = _each(but=("prometheus-operator-crds",))
each_with_containers = _each(but=("prometheus-operator-crds", "kube-prometheus-stack"))
"""Not those of the operator, which gives up capabilities by default, and for what it makes."""


@cache
def _values(name: str, release: ReleaseOf) -> dict[str, Any]:
    return release.values(SPECS[name], site_of(SPECS[name]))


def _release(name: str) -> ReleaseOf:
    (found,) = [release for release in RELEASES if release.name == name]
    return found


def _walk(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _walk(item, (*path, str(key)))


DIGEST_LINE = re.compile(rf"({re.escape(DIGEST_KEY)}: |name: OBS_DOCUMENTS\n +value: )'?[0-9a-f]{{16}}'?")


@pytest.mark.parametrize("name", SPECS)
def test_values_are_as_committed(name: str) -> None:
    """But for digests of documents, which have goldens of their own."""
    files = {
        f"{release.name}.yaml": DIGEST_LINE.sub(r"\1<digest>", text(Document(_values(name, release), "yaml")))
        for case, release in CASES
        if case == name
    }
    golden.check(f"k8s-values/{name}", files)


@each_release
def test_a_chart_reads_all_that_it_is_given(name: str, release: ReleaseOf) -> None:
    assert chart_keys.unread(release.chart.name, _values(name, release)) == []


@each_release
def test_nothing_is_null(name: str, release: ReleaseOf) -> None:
    assert nulls(_values(name, release)) == []


@each_release
def test_equal_specs_have_equal_values(name: str, release: ReleaseOf) -> None:
    again = SPECS[name].model_copy(deep=True)
    assert yaml.safe_dump(release.values(again, site_of(again))) == yaml.safe_dump(_values(name, release))


SECRET_KEY = re.compile(r"(password|passwd|secret|token|apikey|api_key|credential|private)", re.IGNORECASE)
NO_SECRETS = ("secretName", "imagePullSecrets", "pullSecrets", "configSecret", "passwordKey")
"""Keys that name Secrets, or what is in one."""
FROM_ENVIRONMENT = re.compile(r"\$\{OBS_[A-Z_]+\}")
"""What stands for a secret in settings of OpenSearch Dashboards."""


@each_release
def test_no_value_is_a_secret(name: str, release: ReleaseOf) -> None:
    """Whatever is called like a secret is the name of one, a switch, or a mapping of such."""
    for path, value in _walk(_values(name, release)):
        if not path or not SECRET_KEY.search(path[-1]) or not isinstance(value, str):
            continue
        if not FROM_ENVIRONMENT.fullmatch(value):
            assert path[-1] in NO_SECRETS or value in (names.SECRETS, names.CERTIFICATES), path


@each_release
def test_nothing_is_privileged(name: str, release: ReleaseOf) -> None:
    for path, value in _walk(_values(name, release)):
        if path and path[-1] in ("privileged", "allowPrivilegeEscalation", "hostPID"):
            assert value is False, path
        if path and path[-1] == "hostPath":
            assert release.name in EXCEPTIONS, path
        if path and path[-1] in ("runAsUser", "runAsGroup") and release.name not in EXCEPTIONS:
            assert value > 0, path


def _containers(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        value
        for path, value in _walk(values)
        if path and path[-1] in ("securityContext", "containerSecurityContext") and "capabilities" in value
    ]


@each_with_containers
def test_containers_give_up_every_capability(name: str, release: ReleaseOf) -> None:
    found = _containers(_values(name, release))
    assert found
    for context in found:
        assert context["capabilities"]["drop"] == ["ALL"]
        assert context["allowPrivilegeEscalation"] is False
        if release.name not in EXCEPTIONS:
            assert "add" not in context["capabilities"]


@each_with_pods
def test_each_asks_for_what_it_may_take(name: str, release: ReleaseOf) -> None:
    found = [value for path, value in _walk(_values(name, release)) if path and path[-1] == "resources"]
    amounts = [value for value in found if "limits" in value]
    assert amounts
    for amount in amounts:
        assert amount["limits"]["memory"] == amount["requests"]["memory"]
        assert amount["limits"].keys() == {"cpu", "memory"}


@each_release
def test_no_text_meets_the_template_engine(name: str, release: ReleaseOf) -> None:
    """Charts pass values through it: what holds braces would come out as something else, or fail."""
    assert [path for path, value in _walk(_values(name, release)) if "{{" in str(value)] == []


def test_charts_are_those_that_the_data_is_of() -> None:
    for chart in CHARTS:
        data = yaml.safe_load((DATA / f"{chart.name}.json").read_text(encoding="utf-8"))
        assert (chart.name, chart.version) == (chart.name, data["version"])


def test_releases_need_those_that_come_before() -> None:
    seen: set[str] = set()
    for release in RELEASES:
        assert set(release.needs) <= seen, release.name
        seen.add(release.name)
    assert seen >= EXCEPTIONS.keys()


def test_a_tier_has_its_size() -> None:
    sizes = {name: size(spec) for name, spec in SPECS.items()}
    assert sizes == {"dev": "small", "staging": "medium", "prod": "large"}


@pytest.mark.parametrize("name", SPECS)
def test_prometheus_takes_every_monitor_of_the_stack(name: str) -> None:
    """By the stack's label, in its namespace; never for the chart's label `release` (helm-charts 840)."""
    prometheus_spec = _values(name, _release("kube-prometheus-stack"))["prometheus"]["prometheusSpec"]
    (label, stack), *_ = names.part_of(SPECS[name]).items()
    for kind in ("rule", "serviceMonitor", "podMonitor", "probe", "scrapeConfig"):
        assert prometheus_spec[f"{kind}SelectorNilUsesHelmValues"] is False
        (expression,) = prometheus_spec[f"{kind}Selector"]["matchExpressions"]
        assert expression["key"] == label
        assert stack in expression["values"]
        namespace = prometheus_spec[f"{kind}NamespaceSelector"]["matchLabels"]
        assert namespace == {"kubernetes.io/metadata.name": SPECS[name].kubernetes.namespace}


@pytest.mark.parametrize("name", SPECS)
def test_the_operator_is_told_what_stands_in_prometheus_yml(name: str) -> None:
    spec = SPECS[name]
    told = _values(name, _release("kube-prometheus-stack"))["prometheus"]["prometheusSpec"]
    document = prometheus.render(spec, site_of(spec))["prometheus.yml"].data
    world, storage = document["global"], document["storage"]
    assert told["externalLabels"] == world["external_labels"]
    assert [told[key] for key in ("scrapeInterval", "scrapeTimeout", "evaluationInterval")] == [
        world[key] for key in ("scrape_interval", "scrape_timeout", "evaluation_interval")
    ]
    assert told["retention"] == storage["tsdb"]["retention"]["time"]
    assert told["retentionSize"] == storage["tsdb"]["retention"]["size"]
    assert told["exemplars"]["maxSize"] == storage["exemplars"]["max_exemplars"]
    assert told["nameEscapingScheme"].lower() == world["metric_name_escaping_scheme"]


def test_replicas_are_told_apart_as_on_hosts() -> None:
    told = _values("prod", _release("kube-prometheus-stack"))["prometheus"]["prometheusSpec"]
    assert told["replicas"] == 2
    assert told["replicaExternalLabelName"] == prometheus.REPLICA
    alone = _values("dev", _release("kube-prometheus-stack"))["prometheus"]["prometheusSpec"]
    assert alone["replicaExternalLabelNameClear"] is True


def test_a_label_with_a_dollar_stays_as_it_is() -> None:
    """Of a relabelling it would name a group."""
    spec = specs.spec(environment={"target": "kubernetes", "region": "$1"})
    told = _release("kube-prometheus-stack").values(spec, site_of(spec))["prometheus"]["prometheusSpec"]
    assert {"targetLabel": "region", "replacement": "$$1"} in told["scrapeClasses"][0]["relabelings"]
    assert told["externalLabels"]["region"] == "$1"


def test_a_volume_has_room_for_what_is_kept() -> None:
    kept = specs.spec(environment={"target": "kubernetes"}, metrics={"retention": {"size": "50GiB"}})
    values = _release("kube-prometheus-stack").values(kept, site_of(kept))
    claim = values["prometheus"]["prometheusSpec"]["storageSpec"]["volumeClaimTemplate"]["spec"]
    assert claim["resources"]["requests"]["storage"] == "60Gi"
    assert "storageClassName" not in claim


@pytest.mark.parametrize("name", SPECS)
def test_alertmanager_finds_its_templates_and_its_secrets(name: str) -> None:
    """In a folder of their own: in the one that the operator writes to, nothing can be mounted."""
    spec = SPECS[name]
    told = _values(name, _release("kube-prometheus-stack"))["alertmanager"]["alertmanagerSpec"]
    document = alertmanager.render(spec, site_of(spec))["alertmanager.yml"].data
    assert document["templates"] == ["/etc/alertmanager/templates/*.tmpl"]
    paths = {mount["mountPath"] for mount in told["volumeMounts"]}
    assert "/etc/alertmanager/templates" in paths
    assert told["configSecret"] == names.ALERTMANAGER
    assert told["useExistingSecret"] is True


def test_alertmanager_reads_its_receivers_secrets_and_no_other() -> None:
    receivers = specs.stack()["alerting"]["receivers"]
    receivers[0] = {"name": "platform-pagerduty", "kind": "pagerduty", "secret": "pager"}
    source = [{"name": "pager", "source": "environment", "key": "PAGER"}]
    spec = specs.spec(environment={"target": "kubernetes"}, alerting={"receivers": receivers}, secrets=source)
    told = _release("kube-prometheus-stack").values(spec, site_of(spec))["alertmanager"]["alertmanagerSpec"]
    volume = told["volumes"][0]["secret"]
    assert volume["secretName"] == names.SECRETS
    assert volume["items"] == [{"key": "pager", "path": "pager"}]
    assert told["volumeMounts"][0]["mountPath"] == SECRETS


COLLECTORS = {"collector": collector_gateway, "collector-agent": collector_agent}


@pytest.mark.parametrize("program", COLLECTORS)
def test_a_collector_reads_its_document_as_it_is(program: str) -> None:
    """From the ConfigMap of the plan; a change of it restarts the pods."""
    spec = SPECS["prod"]
    values = _values("prod", _release(program))
    assert values["configMap"] == {"create": False}
    assert values["command"]["extraArgs"] == [f"--config={CONF}/collector.yaml"]
    volume = next(item for item in values["extraVolumes"] if item["name"] == "documents")
    assert volume["configMap"]["name"] == names.conf(program)
    assert list(COLLECTORS[program].render(spec, site_of(spec))) == ["collector.yaml"]
    other = specs.spec(
        environment={"target": "kubernetes", "name": "prod"}, logging={"sampling": {"debug": 0.7}}
    )
    again = _release(program).values(other, site_of(other))
    assert again["podAnnotations"] != values["podAnnotations"]


def test_an_agent_keeps_its_place_on_the_node() -> None:
    values = _values("prod", _release("collector-agent"))
    folders = {item["name"]: item["hostPath"] for item in values["extraVolumes"] if "hostPath" in item}
    assert folders["data"] == {
        "path": "/var/lib/obs/observability/collector-agent",
        "type": "DirectoryOrCreate",
    }
    assert folders["logs"] == {"path": NODE_LOGS}, "since a further input is beside the logs of pods"


@pytest.mark.parametrize("name", SPECS)
def test_a_shipper_does_not_read_its_own_log(name: str) -> None:
    """Which would grow by itself: no glob of its document matches a file of its own pods."""
    spec = SPECS[name]
    namespace = spec.kubernetes.namespace
    if spec.kubernetes.shipper == fluent_bit.NAME:
        inputs = fluent_bit.render(spec, site_of(spec))[fluent_bit.CONFIG].data["pipeline"]["inputs"]
        globs = [[item["path"]] for item in inputs]
    else:
        document = collector_agent.config(spec, site_of(spec))
        assert document is not None
        globs = [receiver["include"] for receiver in document["receivers"].values()]
    shippers = (*COLLECTORS, fluent_bit.NAME)
    own = [f"{POD_LOGS}/{namespace}_{shipper}-abcde_uid/{shipper}/0.log" for shipper in shippers]
    for included in globs:
        for glob in included:
            pattern = re.compile(re.escape(glob).replace(r"\*", "[^/]*"))
            assert not [path for path in own if pattern.fullmatch(path)]


@pytest.mark.parametrize("listener", jaeger.PORTS)
def test_jaeger_is_where_its_chart_looks_for_it(listener: str) -> None:
    spec = SPECS["dev"]
    site = site_of(spec)
    moved = replace(
        site, listeners={**site.listeners, listener: Listener("0.0.0.0:9", ("jaeger.obs.svc:9",))}
    )
    with pytest.raises(ValueError, match=listener):
        jaeger.values(spec, moved)


def test_one_store_is_a_node_and_several_are_a_cluster_with_managers() -> None:
    alone = _values("dev", _release("opensearch"))
    assert (alone["singleNode"], alone["replicas"]) == (True, 1)
    assert "discovery.type: single-node" in alone["config"]["opensearch.yml"]
    data, managers = (_values("prod", _release(name)) for name in ("opensearch", "opensearch-manager"))
    assert data["roles"] == ["data", "ingest"]
    assert managers["roles"] == ["cluster_manager"]
    for values in (data, managers):
        assert (values["singleNode"], values["replicas"]) == (False, opensearch_chart.NODES)
        assert values["clusterName"] == data["clusterName"]
        assert values["masterService"] == opensearch_chart.MANAGERS
        assert "discovery.type" not in values["config"]["opensearch.yml"]


@pytest.mark.parametrize("name", SPECS)
def test_the_store_is_told_what_it_is_told_on_hosts(name: str) -> None:
    """But for the nodes of its cluster, which are pods here."""
    spec = SPECS[name]
    told = yaml.safe_load(_values(name, _release("opensearch"))["config"]["opensearch.yml"])
    rendered = opensearch.render(spec, site_of(spec))["opensearch.yml"].data
    nodes = ("discovery.", "cluster.initial", "node.", "plugins.security.ssl.transport.resolve")
    assert {key: value for key, value in told.items() if not key.startswith(nodes)} == {
        key: value for key, value in rendered.items() if not key.startswith(nodes)
    }


def test_certificates_of_the_store_are_where_its_document_says() -> None:
    values = _values("prod", _release("opensearch"))
    (mount,) = values["extraVolumeMounts"]
    assert mount["mountPath"] == "/usr/share/opensearch/config/tls"
    assert {"key": "opensearch.key", "path": "opensearch.key"} in values["extraVolumes"][0]["secret"]["items"]
    assert CERTIFICATES not in str(values)


def test_images_of_ours_are_those_of_the_stack_file() -> None:
    assert _values("staging", _release("collector"))["image"]["repository"].startswith(IMAGES["registry"])
    named = _values("prod", _release("collector"))["image"]
    assert f"{named['repository']}@{named['digest']}" == DIGEST


def test_a_library_put_into_a_pod_sends_to_the_gateway() -> None:
    spec = SPECS["dev"]
    found = opentelemetry_operator.instrumentations(spec, site_of(spec))
    assert list(found) == ["python", "java", "nodejs"]
    for language, told in found.items():
        assert told["exporter"]["endpoint"] == "http://collector.observability.svc:4318"
        assert told["sampler"] == {"type": "parentbased_traceidratio", "argument": "1.0"}
        assert {"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "http/protobuf"} in told[language]["env"]
    grpc = specs.spec(environment={"target": "kubernetes"}, tracing={"otlp": {"http": False}})
    told = opentelemetry_operator.instrumentations(grpc, site_of(grpc))["java"]
    assert told["exporter"]["endpoint"] == "http://collector.observability.svc:4317"
