"""Programs as pods of the stack's own cluster: what is decided, and what the cluster and AWS are given."""

import json
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import boto3
import pytest
import yaml

from aws.account import pods as account
from aws.account.taken import names
from aws.parts import AwsPlan, Cluster, Compute, Task, Watch
from aws.plan import plan
from aws.pods import Pod, objects_of
from aws.policies import WILDCARDS
from aws.refusals import refusals
from components.errors import SuiteError
from components.spec import Spec
from tests import specs
from tests.aws.account import REGION, by_itself, part, with_pods
from tests.k8s.test_api import VERSIONS, validator
from tests.render import golden

NAMESPACE = "obs-local"
ROLE = "arn:aws:iam::123456789012:role/platform"
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"


@pytest.fixture(scope="module")
def there() -> AwsPlan:
    """The shop in pods."""
    return plan(with_pods(), "prod-aws")


@pytest.fixture(scope="module")
def stands(there: AwsPlan) -> Iterator[dict[str, Any]]:
    """It in an account of moto's: what each resource was given, by its name."""
    with by_itself(there) as resources:
        yield resources


def _pods(of: AwsPlan) -> list[Pod]:
    return [item for item in of.parts if isinstance(item, Pod)]


def _objects(of: AwsPlan) -> dict[str, str]:
    """Path -> the objects of each part, as `obs render` writes them."""
    return {path: text for path, text in of.written.items() if path.endswith("/objects.yaml")}


def _templates(of: AwsPlan) -> Iterator[tuple[str, dict[str, Any]]]:
    for pod in _pods(of):
        for kind, _, body in objects_of(pod):
            if kind in ("Deployment", "DaemonSet"):
                found: Any = body
                yield pod.name, found["spec"]["template"]["spec"]


def test_every_program_and_service_is_a_pod_and_no_task(there: AwsPlan) -> None:
    own = {"collector", "fluent-bit", "housekeeper", "jaeger", "prometheus", "redis", "redis-exporter"}
    services = {"gateway", "inventory", "orders", "payments"}
    assert {pod.name for pod in _pods(there)} == own | services
    assert not [item for item in there.parts if isinstance(item, Task | Compute)]


def test_the_objects_are_as_reviewed(there: AwsPlan) -> None:
    golden.check("aws-pods", _objects(there))


@pytest.mark.parametrize("version", VERSIONS)
def test_an_api_server_takes_every_object(there: AwsPlan, version: str) -> None:
    texts = _objects(there)
    assert len(texts) == 1 + len(_pods(there))
    for item in (item for text in texts.values() for item in yaml.safe_load(text)["items"]):
        errors = [error.message for error in validator(version, item["kind"]).iter_errors(item)]
        assert errors == [], item["metadata"]["name"]


def test_all_but_the_shipper_are_restricted(there: AwsPlan) -> None:
    for name, pod in _templates(there):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in (*pod["initContainers"], *pod["containers"]):
            may = container["securityContext"]
            assert may["readOnlyRootFilesystem"] is True
            root = name == "fluent-bit" == container["name"]
            assert may["capabilities"].get("add", []) == (["DAC_READ_SEARCH"] if root else [])
            assert may.get("runAsUser", 1) == (0 if root else 1)
        assert ("hostPath" in json.dumps(pod)) == (name == "fluent-bit")


def test_without_logs_of_services_the_shipper_has_no_way_into_the_store() -> None:
    given = specs.on_aws()
    given["aws"] = specs.account_with_pods()
    for service in given["services"]:
        service.pop("logs", None)
    shipper = part(plan(Spec.model_validate_json(json.dumps(given)), "prod-aws"), "fluent-bit")
    assert shipper.secrets == ()
    config = yaml.safe_load(dict(shipper.files)["fluent-bit.yaml"])
    assert {output["name"] for output in config["pipeline"]["outputs"]} == {"cloudwatch_logs"}


def _shipping(there: AwsPlan) -> dict[str, Any]:
    text = dict(part(there, "fluent-bit").files)["fluent-bit.yaml"]
    found: dict[str, Any] = yaml.safe_load(text)["pipeline"]
    return found


def test_what_programs_write_goes_into_their_groups_and_of_services_no_line_of_their_own(
    there: AwsPlan,
) -> None:
    groups = {pod.name: pod.log_group for pod in _pods(there) if pod.log_group}
    assert set(groups) == {pod.name for pod in _pods(there)} - {"fluent-bit"}
    shipping = _shipping(there)
    written = {
        output["match"].removeprefix("own."): output["log_group_name"]
        for output in shipping["outputs"]
        if output["name"] == "cloudwatch_logs"
    }
    assert written == groups
    paths = {item["tag"]: item["path"] for item in shipping["inputs"] if item["tag"].startswith("own.")}
    assert paths["own.collector"] == f"/var/log/pods/{NAMESPACE}_collector-*/*/*.log"
    assert paths["own.payments"] == f"/var/log/pods/{NAMESPACE}_payments-*/files/*.log"


def test_each_file_of_a_pod_is_read_for_one_program(there: AwsPlan) -> None:
    """`redis` is the beginning of `redis-exporter`."""
    for pod in _pods(there):
        if not pod.log_group:
            continue
        file = f"/var/log/pods/{NAMESPACE}_{pod.name}-6c9d7b-x2x9z_1f/files/0.log"
        readers = [
            item["tag"]
            for item in _shipping(there)["inputs"]
            if item["tag"].startswith("own.")
            and fnmatch(file, item["path"])
            and not any(fnmatch(file, path) for path in item.get("exclude_path", "").split(","))
        ]
        assert readers == [f"own.{pod.name}"]


def test_the_shipper_writes_into_those_groups_alone(there: AwsPlan) -> None:
    shipper = part(there, "fluent-bit")
    assert isinstance(shipper, Pod)
    [may] = [it for it in json.loads(shipper.policy)["Statement"] if "logs:PutLogEvents" in it["Action"]]
    groups = {pod.log_group for pod in _pods(there) if pod.log_group}
    assert {arn.split(":")[6] for arn in may["Resource"]} == groups


def test_groups_have_their_days_and_key_and_errors_in_them_are_counted(
    there: AwsPlan, stands: dict[str, Any]
) -> None:
    logs = boto3.client("logs")
    found = {item["logGroupName"]: item for item in logs.describe_log_groups()["logGroups"]}
    key = boto3.client("kms").describe_key(KeyId="alias/obs-local")["KeyMetadata"]["Arn"]
    for pod in _pods(there):
        if pod.log_group:
            group = found[pod.log_group]
            assert (group["retentionInDays"], group["kmsKeyId"]) == (30, key)
            [counted] = logs.describe_metric_filters(logGroupName=pod.log_group)["metricFilters"]
            assert counted["metricTransformations"][0]["metricName"] == pod.name
    own = {"collector", "housekeeper", "jaeger", "prometheus"}
    detected = {name.removesuffix("-unusual") for name in stands if name.endswith("-unusual")}
    assert {f"prod-aws-{name}" for name in own} <= detected
    assert "prod-aws-payments" not in detected


def test_alarms_tell_of_pods_that_wait_and_of_unusual_logs(there: AwsPlan) -> None:
    watch = part(there, "watch")
    assert isinstance(watch, Watch)
    assert {"obs-local-pods-waiting", "obs-local-samples-absent", "obs-local-unusual-collector"} <= {
        alarm.name for alarm in watch.alarms
    }
    assert not [alarm.name for alarm in watch.alarms if "away" in alarm.name]


def test_the_shipper_reads_what_pods_of_services_write(there: AwsPlan) -> None:
    config = dict(part(there, "fluent-bit").files)["fluent-bit.yaml"]
    assert f"/var/log/pods/{NAMESPACE}_payments-*/payments/*.log" in config


def test_programs_reach_each_other_by_names_of_services(there: AwsPlan) -> None:
    text = "".join(text for pod in _pods(there) for _, text in pod.files)
    assert f"jaeger.{NAMESPACE}.svc:" in text
    assert "obs.internal" not in text
    named = {name for pod in _pods(there) for kind, name, _ in objects_of(pod) if kind == "Service"}
    assert {pod.name for pod in _pods(there)} - named == {"fluent-bit"}


def test_in_production_there_is_a_gateway_in_each_zone() -> None:
    found = plan(with_pods(environment={"tier": "prod"}), "prod-aws")
    collector = part(found, "collector")
    assert isinstance(collector, Pod)
    deployed = [name for kind, name, _ in objects_of(collector) if kind == "Deployment"]
    assert deployed == ["collector-1", "collector-2", "collector-3"]


def test_a_role_is_for_pods_of_one_service_account(there: AwsPlan) -> None:
    for pod in _pods(there):
        [statement] = json.loads(pod.assume)["Statement"]
        assert statement["Condition"]["StringEquals"] == {
            "aws:RequestTag/eks-cluster-arn": f"arn:aws:eks:{REGION}:123456789012:cluster/obs-local",
            "aws:RequestTag/kubernetes-namespace": NAMESPACE,
            "aws:RequestTag/kubernetes-service-account": pod.name,
        }
        for statement in json.loads(pod.policy)["Statement"]:
            wild = [action for action in statement["Action"] if "*" in action]
            assert not [action for action in wild if action not in WILDCARDS]
            assert "*" not in statement["Resource"], pod.name


def test_the_scraper_writes_into_its_workspace_by_its_role(there: AwsPlan) -> None:
    scraper = part(there, "prometheus")
    assert isinstance(scraper, Pod)
    may = [item for item in json.loads(scraper.policy)["Statement"] if "aps:RemoteWrite" in item["Action"]]
    assert [item["Resource"] for item in may] == [["{late:workspace-arn}"]]
    assert "sigv4:" in dict(scraper.files)["prometheus.yml"]


def test_no_token_is_in_the_kubeconfig_and_no_secret_in_an_object(
    there: AwsPlan, stands: dict[str, Any]
) -> None:
    config = json.loads(stands["prod-aws-pods"]["kubeconfig"])
    [user] = config["users"]
    assert user["user"].keys() == {"exec"}
    [cluster] = config["clusters"]
    assert (
        cluster["cluster"]["server"]
        == boto3.client("eks").describe_cluster(name=NAMESPACE)["cluster"]["endpoint"]
    )
    objects = [given for given in stands.values() if given.get("kind") in ("Deployment", "DaemonSet")]
    assert len(objects) == len(_pods(there))
    assert not [given for given in stands.values() if given.get("kind") == "Secret"]
    told = json.dumps(objects, default=str)
    listed = boto3.client("secretsmanager").list_secrets()["SecretList"]
    values = [
        boto3.client("secretsmanager").get_secret_value(SecretId=item["Name"])["SecretString"]
        for item in listed
    ]
    assert values
    assert not [value for value in values if value in told]
    assert "{late:" not in told, "what is known later was filled in"


def test_nodes_reach_the_store(stands: dict[str, Any]) -> None:
    rule = stands["prod-aws-pods-store-from-nodes"]
    [group] = boto3.client("ec2").describe_security_groups(GroupIds=[rule["referencedSecurityGroupId"]])[
        "SecurityGroups"
    ]
    assert group["GroupName"] == f"eks-cluster-sg-{NAMESPACE}"


def test_names_that_others_could_have_are_asked_for(there: AwsPlan) -> None:
    from aws.account.ask import Asking

    found = {(name.what, name.name) for name in names(there, Asking.of(there))}
    assert ("role", "obs-local-collector-pod") in found
    assert ("bucket", "obs-local-config-123456789012-eu-central-1") in found


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"cluster": {}}, "aws.compute"),
        ({"cluster": {"version": "1.34", "administrators": [ROLE]}}, "aws.cluster.reached_from"),
        ({"balancer": {"certificate": CERTIFICATE}}, "aws.balancer.certificate"),
        (
            {"images": {k: v for k, v in specs.account()["images"].items() if k != "fluent_bit"}},
            "aws.images.fluent_bit",
        ),
        ({"metrics": "self", "images": specs.account_with_pairs()["images"]}, "aws.metrics"),
    ],
)
def test_what_pods_cannot_do_is_refused_by_name(changes: dict[str, Any], key: str) -> None:
    given = specs.on_aws()
    given["aws"] = specs.account_with_pods(**changes)
    problems = refusals(Spec.model_validate_json(json.dumps(given)))
    assert [problem.key for problem in problems] == [key]
    assert "target aws" in str(problems[0])


def test_without_the_command_line_no_token_can_be_had() -> None:
    [found] = account.command_line({"PATH": "/nowhere"})
    assert "is not on the PATH" in str(found)


@pytest.mark.parametrize(
    ("arn", "fits"),
    [
        ("arn:aws:sts::123456789012:assumed-role/platform/somebody", True),
        ("arn:aws:sts::123456789012:assumed-role/other/somebody", False),
        ("arn:aws:iam::123456789012:user/platform", False),
    ],
)
def test_who_is_no_administrator_is_told_before(there: AwsPlan, arn: str, fits: bool) -> None:
    cluster = part(there, "cluster")
    assert isinstance(cluster, Cluster)
    found = account.administrator(_asking(arn), cluster)
    assert bool(found) is not fits
    assert fits or "aws.cluster.administrators" in str(found[0])


def _asking(arn: str) -> Any:
    class Sts:
        def get_caller_identity(self) -> dict[str, str]:
            return {"Arn": arn}

    class Asking:
        def client(self, _service: str) -> Sts:
            return Sts()

    return Asking()


def test_without_pulumis_provider_a_run_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    with pytest.raises(SuiteError, match="obs engines build pulumi_kubernetes"):
        account.provider()
