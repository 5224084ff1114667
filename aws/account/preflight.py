"""What stands in the way of a plan in its account, found before anything is changed: who asks, then
everything else, all at once."""

from collections.abc import Mapping

from aws import stand_in
from aws.account import docker, pods, quotas, region, roles, taken
from aws.account.ask import Asking, Trouble, at_once, trouble
from aws.account.checks import Check, obstacle
from aws.parts import AwsPlan, stand_in_url
from components.target import Obstacle

CREDENTIALS = "credentials"
WITHOUT = "`obs render` and `obs parity` need none"
DOCS = "docs/targets/aws.md#permissions"


def preflight(plan: AwsPlan, asking: Asking | None = None) -> list[Obstacle]:
    """Empty if the plan can be carried out. Changes nothing, and ends within twice `Asking.deadline`."""
    if plan.stand_in and not stand_in.runs(plan.stack):
        return [_of_stand_in(plan)]
    asking = asking or Asking.of(plan)
    if found := identity(plan, asking):
        return found
    checks = {
        check.what: check
        for source in (docker, pods, region, roles, quotas, taken)
        for check in source.checks(plan, asking)
    }
    answers = at_once({name: check.ask for name, check in checks.items()}, asking.deadline)
    failed = {name: trouble(answer) for name, answer in answers.items() if isinstance(answer, Exception)}
    return [
        *(found for answer in answers.values() if not isinstance(answer, Exception) for found in answer),
        *_unanswered(plan, checks, failed),
    ]


def _of_stand_in(plan: AwsPlan) -> Obstacle:
    """What is in the way of one that does not run yet."""
    where = stand_in_url(plan.stand_in).removeprefix("http://")
    if not stand_in.installed():
        expected = "moto, which takes the place of AWS"
        return obstacle("stand-in", "moto is not installed", expected, "make setup")
    if stand_in.taken(plan.stand_in):
        do = "end that, or choose another deploy.port_base (or OBS_PORT_BASE)"
        return obstacle("stand-in", f"another program listens on {where}", "a port that is free", do)
    do = f"obs up {plan.stack} starts it"
    return obstacle("stand-in", f"does not run on {where}", "to be asked for names", do, fatal=False)


def identity(plan: AwsPlan, asking: Asking) -> list[Obstacle]:
    """Whether the credentials in use are of the stack's account."""
    if not asking.answers("sts"):
        return []
    [answer] = at_once(
        {CREDENTIALS: lambda: asking.client("sts").get_caller_identity()["Account"]}, asking.deadline
    ).values()
    if isinstance(answer, Exception):
        return [_no_credentials(plan, trouble(answer))]
    if answer == plan.account:
        return []
    do = "use those of the stack's account (AWS_PROFILE), or correct aws.account"
    return [
        obstacle("account", f"the credentials are of {answer}", f"{plan.account}, as aws.account says", do)
    ]


def _no_credentials(plan: AwsPlan, why: Trouble) -> Obstacle:
    """Nothing else was asked."""
    login = "log in (aws sso login), or set AWS_PROFILE"
    do = {
        "none": f"{login}, as for the AWS CLI; {WITHOUT}",
        "expired": f"log in again (aws sso login), or renew what AWS_PROFILE names; {WITHOUT}",
        "unknown": f"{login}; if they are right, {plan.region} is not enabled in their account",
        "clock": "correct the secret key, or the clock of this machine",
        "away": f"see that this machine reaches AWS (HTTPS_PROXY); {WITHOUT}",
    }.get(why.kind, "see what the AWS CLI says: aws sts get-caller-identity")
    if why.kind == "away" and plan.stand_in:
        do = f"obs up {plan.stack} starts its stand-in"
    if why.kind == "away":
        return obstacle("AWS", why.words, "an answer; nothing was checked", do)
    return obstacle(CREDENTIALS, why.words, f"some of account {plan.account}; nothing was checked", do)


def _unanswered(plan: AwsPlan, checks: Mapping[str, Check], failed: Mapping[str, Trouble]) -> list[Obstacle]:
    """What could not be checked, told once a reason. Only credentials that ended meanwhile stop a run: others
    who deploy may see less than everything."""
    if ended := [why for why in failed.values() if why.kind in ("none", "expired", "unknown")]:
        return [_no_credentials(plan, ended[0])]
    found, together = list[Obstacle](), dict[str, list[str]]()
    for name, why in failed.items():
        together.setdefault("" if why.kind == "forbidden" else why.words, []).append(name)
    if forbidden := together.pop("", None):
        permissions = sorted({it for name in forbidden for it in checks[name].permissions})
        found.append(
            obstacle(
                "not checked",
                _some(forbidden),
                f"permissions among {', '.join(permissions)}",
                f"allow them to whoever deploys: {DOCS}",
                fatal=False,
            )
        )
    for words, names in together.items():
        do = "run obs preflight again, or see to them by hand"
        found.append(obstacle("not checked", f"{_some(names)}: {words}", "an answer", do, fatal=False))
    return found


def _some(names: list[str], shown: int = 3) -> str:
    """The first few, and how many others there are."""
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{', '.join(names[:shown])}{rest}"
