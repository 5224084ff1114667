"""What this target cannot do where a stack's programs are pods of its cluster (`aws.compute: eks`)."""

from collections.abc import Iterator

from aws.site import on_pods, self_run
from components.spec import Spec
from components.spec.problem import MISSING, Problem

IT = "take it out"


def refusals(spec: Spec) -> Iterator[Problem]:
    """Nothing of a stack with tasks."""
    if not on_pods(spec):
        return
    given = spec.aws
    if given.cluster.version is None:
        expected = "expected 'ecs', or `aws.cluster` with a version: target aws has no cluster for pods here"
        yield Problem(("aws", "compute"), given.compute, expected)
    elif given.vpc.id is None and not given.cluster.reached_from:
        expected = (
            "missing; expected networks: target aws puts pods into the cluster from where it is run, which "
            "the network of the stack's own has no way to"
        )
        yield Problem(("aws", "cluster", "reached_from"), MISSING, expected)
    if self_run(spec):
        expected = "expected 'managed': target aws has no volumes for pods; a stack of target kubernetes has"
        yield Problem(("aws", "metrics"), given.metrics, expected)
    if given.grafana:
        expected = f"expected false: target aws has no load balancer before pods, over which to open it; {IT}"
        yield Problem(("aws", "grafana"), True, expected)
    if given.balancer.certificate:
        expected = f"expected none: target aws has no load balancer before pods; {IT}"
        yield Problem(("aws", "balancer", "certificate"), given.balancer.certificate, expected)
