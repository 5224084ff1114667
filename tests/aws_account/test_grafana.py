"""Grafana on ECS: what it shows, by whose leave, and who reaches it."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import yaml

import targets
from aws.parts import AwsPlan
from aws.plan import plan
from components.spec import Spec
from components.spec.problem import Refused
from k8s.charts.grafana import DASHBOARDS, config_maps
from tests import specs
from tests.aws.account import by_itself, document, part
from vsi.site import local_site

NAME = "grafana"
PORT = 21091


def _spec(**aws: Any) -> Spec:
    stack = specs.on_aws()
    stack["aws"] = {**specs.account_with_grafana(), **aws}
    return Spec.model_validate_json(json.dumps(stack))


@pytest.fixture(scope="module")
def shown() -> AwsPlan:
    return plan(_spec(), "prod-aws")


@pytest.fixture(scope="module")
def made(shown: AwsPlan) -> Iterator[dict[str, Any]]:
    with by_itself(shown) as resources:
        yield resources


@pytest.fixture(scope="module")
def own() -> AwsPlan:
    """With a Prometheus of the stack's own."""
    images = {**specs.account_with_grafana()["images"], **specs.account_with_pairs()["images"]}
    return plan(_spec(metrics="self", images=images), "prod-aws")


def _files(planned: AwsPlan) -> dict[str, str]:
    return dict(part(planned, NAME).files)


def _sources(planned: AwsPlan) -> dict[str, Any]:
    found = yaml.safe_load(_files(planned)["provisioning/datasources/obs.yaml"])["datasources"]
    return {item["uid"]: item for item in found}


def _containers(planned: AwsPlan) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in json.loads(part(planned, NAME).containers)}  # type: ignore[attr-defined]


def test_it_shows_the_dashboards_of_every_target(shown: AwsPlan) -> None:
    spec = _spec()
    maps = config_maps(spec, local_site(spec)).values()
    there = {name: text for label, data in maps if DASHBOARDS in label for name, text in data.items()}
    own = {path.partition("/")[2]: text for path, text in _files(shown).items() if path.endswith(".json")}
    assert len(own) > 3
    assert own == there
    provider = yaml.safe_load(_files(shown)["provisioning/dashboards/obs.yaml"])["providers"][0]
    assert provider["options"] == {"path": "/etc/obs/conf/dashboards"}
    assert not provider["allowUiUpdates"]


def test_it_asks_a_workspace_by_signed_requests(shown: AwsPlan) -> None:
    source = _sources(shown)["prometheus"]
    assert source["type"] == "grafana-amazonprometheus-datasource"
    assert source["url"] == "{late:workspace-url}"
    settings = source["jsonData"]
    assert (settings["sigV4Auth"], settings["sigV4AuthType"]) == (True, "default")
    assert settings["sigV4Region"] == "eu-central-1"
    assert "keys" not in json.dumps(source)


def test_it_asks_a_prometheus_of_the_stacks_own_as_everywhere(own: AwsPlan) -> None:
    source = _sources(own)["prometheus"]
    assert source["type"] == "prometheus"
    assert source["url"] == "http://prometheus-1.local.obs.internal:21000"
    assert "sigV4Auth" not in source["jsonData"]
    variables = {item["name"] for item in _containers(own)[NAME]["environment"]}
    assert "GF_AUTH_SIGV4_AUTH_ENABLED" not in variables
    assert "aps:" not in part(own, NAME).task_policy  # type: ignore[attr-defined]


def test_it_asks_the_domain_as_the_user_who_reads_and_jaeger(shown: AwsPlan) -> None:
    sources = _sources(shown)
    assert sources["opensearch"]["url"] == "https://{late:domain}:443"
    assert sources["opensearch"]["basicAuthUser"] == "reader"
    given = sources["opensearch"]["secureJsonData"]["basicAuthPassword"]
    assert given == "$__file{/run/obs/secrets/opensearch-reader}"
    assert sources["jaeger"]["url"].startswith("http://jaeger.local.obs.internal:")


def test_people_log_in_with_a_password_that_was_made_once(shown: AwsPlan, made: dict[str, Any]) -> None:
    containers = _containers(shown)
    variables = {item["name"]: item["value"] for item in containers[NAME]["environment"]}
    assert variables["GF_SECURITY_ADMIN_PASSWORD"] == "$__file{/run/obs/secrets/grafana-admin}"
    assert variables["GF_AUTH_ANONYMOUS_ENABLED"] == variables["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert variables["GF_SECURITY_COOKIE_SECURE"] == "true"
    given = {item["name"] for item in containers["files"]["secrets"]}
    assert given == {"GRAFANA_ADMIN", "OPENSEARCH_READER"}
    client = boto3.client("secretsmanager")
    value = client.get_secret_value(SecretId="obs/local/grafana-admin")["SecretString"]
    assert len(value) >= 32
    text = json.dumps({name: it for name, it in made.items() if "definition" in name}, default=str)
    assert value not in text


def test_it_may_read_samples_and_nothing_else_of_aws(made: dict[str, Any]) -> None:
    iam = boto3.client("iam")
    policy = document(
        iam.get_role_policy(RoleName="obs-local-grafana-task", PolicyName="own")["PolicyDocument"]
    )
    by = {action: item["Resource"] for item in policy["Statement"] for action in item["Action"]}
    [workspace] = boto3.client("amp").list_workspaces()["workspaces"]
    aps = {"aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics"}
    assert by.keys() == aps | {"kms:Decrypt", "s3:GetObject", "s3:GetObjectVersion"}
    assert all(by[action] == [workspace["arn"]] for action in aps)
    assert all(resource.endswith("/grafana.json") for resource in by["s3:GetObject"])


def test_it_is_opened_over_tls_behind_the_load_balancer_alone(shown: AwsPlan, made: dict[str, Any]) -> None:
    listener = made["prod-aws-balancer-grafana"]
    assert (listener["port"], listener["protocol"]) == (443, "TLS")
    assert listener["certificateArn"] == specs.CERTIFICATE
    health = made["prod-aws-balancer-grafana-targets"]["healthCheck"]
    assert (health["port"], health["path"]) == (str(PORT), "/api/health")
    assert made["prod-aws-balancer-grpc-targets"]["healthCheck"]["path"] == "/"
    [opened] = made["prod-aws-grafana-grafana-service"]["loadBalancers"]
    assert opened["containerPort"] == PORT
    for program in ("collector", "jaeger"):
        ports = [
            it["containerPort"] for it in made[f"prod-aws-{program}-{program}-service"]["loadBalancers"] or ()
        ]
        assert PORT not in ports
    groups = boto3.client("ec2").describe_security_groups()["SecurityGroups"]
    [tasks] = [group for group in groups if group["Description"] == "Tasks of the stack"]
    [rule] = [it for it in tasks["IpPermissions"] if it["FromPort"] == PORT]
    assert rule["UserIdGroupPairs"]
    assert not rule["IpRanges"]
    assert part(shown, "network").opened == ()  # type: ignore[attr-defined]


def test_people_are_told_when_it_is_away(shown: AwsPlan) -> None:
    assert "obs-local-away-grafana" in part(shown, "watch").every  # type: ignore[attr-defined]


def test_it_keeps_nothing(made: dict[str, Any]) -> None:
    volumes = made["prod-aws-grafana-definition"]["volumes"]
    assert not any(volume.get("efsVolumeConfiguration") for volume in volumes)


def test_without_it_nothing_of_it_is_there() -> None:
    planned = plan(specs.spec_on_aws(), "prod-aws")
    assert NAME not in planned.model_dump_json()


WITHOUT = {name: image for name, image in specs.account_with_grafana()["images"].items() if name != NAME}


@pytest.mark.parametrize(
    ("aws", "keys"),
    [
        ({"balancer": {}}, {"aws.balancer.certificate"}),
        ({"images": WITHOUT}, {"aws.images.grafana"}),
        ({"grafana": False}, {"aws.images.grafana"}),
        (
            {"compute": "eks", "balancer": {}, "cluster": specs.account_with_pods()["cluster"]},
            {"aws.grafana"},
        ),
    ],
)
def test_what_it_needs_is_told_by_name(aws: dict[str, Any], keys: set[str]) -> None:
    with pytest.raises(Refused, match="target aws") as caught:
        targets.plan(_spec(**aws), "prod-aws")
    assert {problem.key for problem in caught.value.problems} == keys


def test_dashboards_search_in_jaeger_which_xray_is_not() -> None:
    stack = specs.on_aws()
    stack["tracing"] |= {"retention": "30d", "storage": {}}
    images = {**WITHOUT, "grafana": specs.account_with_grafana()["images"]["grafana"]}
    images["xray"] = images.pop("jaeger")
    stack["aws"] = {**specs.account_with_grafana(), "traces": "xray", "images": images}
    with pytest.raises(Refused, match="in which its dashboards cannot search"):
        targets.plan(Spec.model_validate_json(json.dumps(stack)), "prod-aws")


def test_no_service_of_the_stack_may_be_called_so() -> None:
    stack = specs.on_aws()
    stack["services"][0]["name"] = NAME
    with pytest.raises(Refused, match="has a task of its own that is called so"):
        targets.plan(Spec.model_validate_json(json.dumps(stack)), "prod-aws")
