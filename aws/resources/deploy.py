"""From a plan to its components."""

from collections.abc import Mapping

import pulumi

from aws.contexts import Context
from aws.images import Images
from aws.parts import (
    Archive,
    AwsPart,
    AwsPlan,
    Balancer,
    Cluster,
    Compute,
    Key,
    Network,
    Relay,
    Store,
    Task,
    Traces,
    Volumes,
    Watch,
    Workspace,
)
from aws.pods import Pod, Pods
from aws.resources.alerting import AlertingComponent
from aws.resources.archive import ArchiveComponent
from aws.resources.balancer import BalancerComponent
from aws.resources.cluster import ClusterComponent
from aws.resources.component import Account, Component
from aws.resources.compute import ComputeComponent, TaskComponent
from aws.resources.key import KeyComponent
from aws.resources.logs import LogsComponent
from aws.resources.metrics import MetricsComponent
from aws.resources.network import NetworkComponent
from aws.resources.traces import TracesComponent
from aws.resources.volumes import VolumesComponent
from aws.resources.watch import WatchComponent


class Deployed:
    """Makes the component of each part of a plan, each after what it needs."""

    def __init__(
        self,
        plan: AwsPlan,
        relay: str,
        secrets: Mapping[str, pulumi.Output[str]],
        adopted: Mapping[str, bool] | None = None,
        contexts: Mapping[str, Context] | None = None,
    ) -> None:
        """`relay` is the path of the module that is the relay's code; `adopted` is as an account has it;
        `contexts` are what images are built from, where they are."""
        self._account = Account.of(plan)
        self._account.adopted = adopted or {}
        self._relay = relay
        self._secrets = secrets
        self._contexts = contexts or {}

    def __call__(self, part: AwsPart, opts: pulumi.ResourceOptions) -> Component:
        account = self._account
        if isinstance(part, Key):
            return KeyComponent(account, part, opts)
        if isinstance(part, Network):
            return NetworkComponent(account, part, opts)
        if isinstance(part, Store):
            return LogsComponent(account, part, opts)
        if isinstance(part, Archive):
            return ArchiveComponent(account, part, opts)
        if isinstance(part, Balancer):
            return BalancerComponent(account, part, opts)
        if isinstance(part, Traces):
            return TracesComponent(account, part, opts)
        if isinstance(part, Cluster):
            return ClusterComponent(account, part, opts)
        if isinstance(part, Images):
            from aws.resources.images import ImagesComponent  # only here: it imports the SDK of Docker

            return ImagesComponent(account, part, self._contexts, opts)
        if isinstance(part, Pods | Pod):
            from aws.resources import pods  # only here: it imports the SDK of Kubernetes

            if isinstance(part, Pods):
                return pods.PodsComponent(account, part, opts)
            return pods.PodComponent(account, part, self._secrets, opts)
        if isinstance(part, Compute):
            return ComputeComponent(account, part, opts)
        if isinstance(part, Task):
            return TaskComponent(account, part, self._secrets, opts)
        if isinstance(part, Volumes):
            return VolumesComponent(account, part, opts)
        if isinstance(part, Watch):
            return WatchComponent(account, part, opts)
        if isinstance(part, Workspace):
            return MetricsComponent(account, part, opts)
        if isinstance(part, Relay):
            return AlertingComponent(account, part, self._relay, self._secrets, opts)
        raise TypeError(f"{part.id} is no part of this target")
