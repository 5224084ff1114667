"""What carries a plan out: the resources of pulumi-kubernetes, for the cluster that the stack names.

Objects are resources of their kind's own type with the API's own names, so nothing is translated on the way.
"""

import base64
import os
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pulumi
import yaml

from components.errors import SuiteError
from components.plan import Part
from components.target import Deploy
from k8s.keys import Keys
from k8s.parts import PROVIDER, Cluster, KubernetesPlan, Manifest, Release, StackKeys, token

PLUGIN = "pulumi-resource-kubernetes"
BURST, CALLS_PER_SECOND = 1000, 200.0
"""How often the provider may ask the cluster. By itself it takes 50 calls a second after the first 120, and a
preview of 100 services needs some hundreds; a cluster holds up by itself whoever asks too much."""
HISTORY = 5
"""Revisions of a release that the cluster keeps."""


def resources(plan: KubernetesPlan, secrets: "Mapping[str, pulumi.Output[str]]") -> Deploy:
    """A resource for each part. SuiteError where the cluster cannot be reached, or not by this provider."""
    kubeconfig = checked(plan.cluster)
    from pulumi_kubernetes import KubeClientSettingsArgs, Provider

    opts = pulumi.ResourceOptions(version=version("pulumi_kubernetes"))
    provider = Provider(
        f"{plan.stack}-cluster",
        kubeconfig=str(kubeconfig),
        context=plan.cluster.context,
        namespace=plan.cluster.namespace,
        # Otherwise what changes is deleted first, and a pod that starts meanwhile finds nothing.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        kube_client_settings=KubeClientSettingsArgs(burst=BURST, qps=CALLS_PER_SECOND),
        opts=opts,
    )
    made: list[Keys] = []

    def deploy(part: Part, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        if isinstance(part, StackKeys):
            made.append(Keys(part, opts))
            return made[0]
        here = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=provider))
        if isinstance(part, Release):
            return release(part, here)
        if isinstance(part, Manifest):
            held = {name: made[0].value(name) for name in part.secrets if name in made[0].held}
            return Object(part, {**held, **secrets} if part.secrets else {}, plan.retain, here)
        raise TypeError(f"{part.id} is no part of this target")

    return deploy


class Object(pulumi.CustomResource):
    """One object, as it stands in the plan; of a Secret, with values."""

    def __init__(
        self,
        part: Manifest,
        secrets: "Mapping[str, pulumi.Output[str]]",
        retain: bool,
        opts: pulumi.ResourceOptions,
    ) -> None:
        metadata = {"name": part.object_name, **part.body.get("metadata", {})}
        metadata["annotations"] = {**_FORCED, **metadata.get("annotations", {})}
        if part.namespace:
            metadata["namespace"] = part.namespace
        body = {**part.body, "metadata": metadata}
        if part.kind == "Secret":
            # `data`, which is what the cluster gives back: `stringData` would look changed after a refresh.
            given = {name: secrets[name] for name in part.secrets}
            texts = {**body.pop("stringData", {}), **given}
            body["data"] = {name: pulumi.Output.secret(text).apply(_encoded) for name, text in texts.items()}
        if retain and part.retain:
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=True))
        props = {"apiVersion": part.api_version, "kind": part.kind, **body}
        super().__init__(token(part.kind), part.id, props, opts)


_FORCED = {"pulumi.com/patchForce": "true"}
"""What was changed by hand belongs to whoever changed it, and is taken back; without,
`up` would end with a conflict."""


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def release(part: Release, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """A release that is whole or not there: what fails is rolled back."""
    from pulumi_kubernetes.helm import v3

    chart, repository = source_of(part)
    return v3.Release(
        part.id,
        v3.ReleaseArgs(
            name=part.name,
            namespace=part.place,
            chart=chart,
            version=part.version,
            repository_opts=v3.RepositoryOptsArgs(repo=repository) if repository else None,
            values=part.values,
            atomic=True,
            cleanup_on_fail=True,
            create_namespace=False,
            max_history=HISTORY,
            timeout=part.timeout_seconds,
            wait_for_jobs=True,
        ),
        opts,
    )


def source_of(part: Release) -> tuple[str, str]:
    """What Helm takes as the chart, and its repository; '' where the chart says all."""
    if part.source.startswith("oci://"):
        return f"{part.source}/{part.chart}", ""
    if part.source.startswith("https://"):
        return part.chart, part.source
    folder = Path(os.path.expanduser(part.source))
    archive = folder / f"{part.chart}-{part.version}.tgz"
    return str(archive if archive.is_file() else folder / part.chart), ""


def checked(cluster: Cluster) -> Path:
    """The kubeconfig. SuiteError if it is not there, has no such context, or the provider is missing."""
    given = cluster.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    path = Path(os.path.expanduser(given))
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        contexts = [item["name"] for item in config["contexts"]]
    except OSError as error:
        raise SuiteError(
            f"kubeconfig {given}: {error.strerror}; expected a file with the context {cluster.context}. "
            "Set kubernetes.kubeconfig, or KUBECONFIG"
        ) from None
    except (KeyError, TypeError, yaml.YAMLError, UnicodeDecodeError):
        raise SuiteError(f"kubeconfig {given}: expected the YAML of a kubeconfig with `contexts`") from None
    if cluster.context not in contexts:
        offered = ", ".join(map(str, contexts)) or "none"
        raise SuiteError(f"kubernetes.context = '{cluster.context}': {given} has {offered}")
    if not has_provider():
        raise SuiteError(
            f"the Kubernetes provider is missing: expected {PLUGIN} on PATH, or Pulumi's "
            f"plugin. Run: obs engines build {PROVIDER}"
        )
    return path


def has_provider() -> bool:
    """Whether the Pulumi engine finds the provider: it fetches none by itself."""
    if shutil.which(PLUGIN):
        return True
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return (home / "plugins" / f"resource-kubernetes-v{version('pulumi_kubernetes')}").is_dir()
