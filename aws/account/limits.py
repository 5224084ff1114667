"""What a stack takes of the account's quotas, in numbers, for whoever wants many stacks."""

from functools import partial

from aws.account.ask import Asking, at_once, trouble
from aws.account.preflight import identity
from aws.account.quotas import POLICIES, RESOURCE_POLICIES, Quota, bound, every, quotas, who_knows
from aws.parts import AwsPlan, Store
from components.errors import SuiteError
from components.heads import Limit


def limits(plan: AwsPlan, asking: Asking | None = None) -> list[Limit]:
    """What a stack that is not there yet takes of each quota. SuiteError if the account cannot be asked at
    all; a quota that nobody tells is told as such."""
    if plan.stand_in:
        return []
    asking = asking or Asking.of(plan)
    if refused := identity(plan, asking):
        raise SuiteError("\n".join(map(str, refused)))
    if asking.stand_in:
        return []

    def ask(quota: Quota) -> Limit:
        used, more = quota.room()
        client = who_knows(asking, quota)
        most = bound(client, quota)
        do = (
            f"aws service-quotas request-service-quota-increase --service-code {quota.service} --quota-code "
            f"{quota.code} --region {client.meta.region_name} --desired-value ..."
        )
        return Limit(quota.what, more, None if most is None else most - used, do, quota.alone)

    calls = {quota.what: partial(ask, quota) for quota in quotas(plan, asking)}
    calls[RESOURCE_POLICIES] = partial(_room_for_policies, plan, asking)
    found = list[Limit]()
    for what, answer in at_once(calls, asking.deadline).items():
        why = trouble(answer).words if isinstance(answer, Exception) else ""
        found.append(Limit(what, 0, None, why) if isinstance(answer, Exception) else answer)
    return found


def _room_for_policies(plan: AwsPlan, asking: Asking) -> Limit:
    """Each domain's logs are let in by one."""
    there = len(every(asking.client("logs"), "describe_resource_policies", "resourcePolicies"))
    each = sum(isinstance(part, Store) for part in plan.parts)
    return Limit(RESOURCE_POLICIES, each, POLICIES - there, "nobody can raise it: use another region")
