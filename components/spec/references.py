"""Names across a spec: each unique, and each reference to one that is there."""

import graphlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from components.spec.problem import KeyPath, Problem, written

if TYPE_CHECKING:
    from components.spec import Spec


def team_and_receiver_names(spec: "Spec") -> list[Problem]:
    """Teams and receivers are unique."""
    alerting = spec.alerting
    return unique(("alerting", "teams"), [team.name for team in alerting.teams]) + unique(
        ("alerting", "receivers"), [receiver.name for receiver in alerting.receivers]
    )


def secret_names(spec: "Spec") -> list[Problem]:
    """Secrets are unique, and none takes a file of the stack's own."""
    found = unique(("secrets",), [secret.name for secret in spec.secrets])
    for index, secret in enumerate(spec.secrets):
        if secret.name in ("tls", "loopback") or secret.name.startswith("opensearch-"):
            message = (
                "expected a name that the stack does not use itself: not 'tls', 'loopback', 'opensearch-...'"
            )
            found.append(Problem(("secrets", index, "name"), secret.name, message))
    return found


def rule_names(spec: "Spec") -> list[Problem]:
    """Alerts of one name tell each other apart by their severity, as is common practice."""
    found: list[Problem] = []
    seen: dict[tuple[str, str], int] = {}
    for index, rule in enumerate(spec.metrics.rules.alerts):
        first = seen.setdefault((rule.name, rule.severity), index)
        if first != index:
            path: KeyPath = ("metrics", "rules", "alerts", index, "name")
            other = written(("metrics", "rules", "alerts", first))
            expected = f"expected another name or severity; {other} has both the same"
            found.append(Problem(path, rule.name, expected))
    return found


def redaction_names(spec: "Spec") -> list[Problem]:
    """Redactions are unique."""
    return unique(("logging", "redaction"), [rule.name for rule in spec.logging.redaction])


def service_names(spec: "Spec") -> list[Problem]:
    """Services are unique, and none is called as another's further log sources are: `<service>-2`, ..."""
    found = unique(("services",), [service.name for service in spec.services])
    sources = _log_sources(spec)
    for index, service in enumerate(spec.services):
        if service.name in sources:
            expected = f"expected another name: {sources[service.name]} is called so"
            found.append(Problem(("services", index, "name"), service.name, expected))
    return found


def input_names(spec: "Spec") -> list[Problem]:
    """Log inputs are unique, and none has the name of a service's log source."""
    found = unique(("logging", "inputs"), [item.name for item in spec.logging.inputs])
    taken = _taken_by_services(spec) | _log_sources(spec)
    for index, item in enumerate(spec.logging.inputs):
        if item.name in taken:
            expected = f"expected another name: {taken[item.name]} is called so"
            found.append(Problem(("logging", "inputs", index, "name"), item.name, expected))
    return found


def log_paths(spec: "Spec") -> list[Problem]:
    """No two sources have the same path or unit: the second would have nothing to read."""
    places = read_at(spec, "path") + read_at(spec, "journal")
    first: dict[str, KeyPath] = {}
    return [
        Problem(place, path, f"expected a {_KINDS[place[-1]]} of its own; {written(first[path])} has it too")
        for place, path in places
        if first.setdefault(path, place) != place
    ]


_KINDS: dict[str | int, str] = {"path": "path", "journal": "unit"}


def read_at(spec: "Spec", key: str) -> list[tuple[KeyPath, str]]:
    """Where log sources say so: each `path`, or each unit of the `journal`."""
    services: list[tuple[KeyPath, str | None]] = [
        (("services", index, "logs", position, key), getattr(source, key))
        for index, service in enumerate(spec.services)
        for position, source in enumerate(service.logs)
    ]
    inputs: list[tuple[KeyPath, str | None]] = [
        (("logging", "inputs", index, key), getattr(item, key))
        for index, item in enumerate(spec.logging.inputs)
    ]
    return [(place, value) for place, value in services + inputs if value is not None]


def job_names(spec: "Spec") -> list[Problem]:
    """Scrape jobs are unique, and none has the name of a service's job."""
    found = unique(("metrics", "scrape_jobs"), [job.name for job in spec.metrics.scrape_jobs])
    taken = _taken_by_services(spec)
    for index, job in enumerate(spec.metrics.scrape_jobs):
        if job.name in taken:
            expected = f"expected another name: {taken[job.name]} is called so"
            found.append(Problem(("metrics", "scrape_jobs", index, "name"), job.name, expected))
    return found


def _taken_by_services(spec: "Spec") -> dict[str, str]:
    return {service.name: written(("services", index)) for index, service in enumerate(spec.services)}


def _log_sources(spec: "Spec") -> dict[str, str]:
    """Name of a service's second and further log sources -> where it stands."""
    return {
        f"{service.name}-{number}": written(("services", index, "logs", number - 1))
        for index, service in enumerate(spec.services)
        for number in range(2, len(service.logs) + 1)
    }


def unique(path: KeyPath, names: list[str]) -> list[Problem]:
    """Each name that stood before, at its second place."""
    first: dict[str, int] = {}
    found: list[Problem] = []
    for index, name in enumerate(names):
        if first.setdefault(name, index) != index:
            other = written((*path, first[name]))
            found.append(Problem((*path, index, "name"), name, f"expected a unique name; {other} has it too"))
    return found


def alerting_references(spec: "Spec") -> list[Problem]:
    """Teams lead to receivers, and the platform's team is one."""
    alerting = spec.alerting
    teams = [team.name for team in alerting.teams]
    receivers = [receiver.name for receiver in alerting.receivers]
    switch = ("alerting", "dead_mans_switch", "receiver")
    found = known(("alerting", "platform_team"), alerting.platform_team, teams, "team")
    found += known(switch, alerting.dead_mans_switch.receiver, receivers, "receiver")
    for index, team in enumerate(alerting.teams):
        found += known(("alerting", "teams", index, "receiver"), team.receiver, receivers, "receiver")
    for index, route in enumerate(alerting.routes):
        found += known(("alerting", "routes", index, "receiver"), route.receiver, receivers, "receiver")
    for index, receiver in enumerate(alerting.receivers):
        if receiver.to_sink and not alerting.sink:
            path: KeyPath = ("alerting", "receivers", index, "to_sink")
            found.append(Problem(path, True, "expected alerting.sink: true"))
    return found


def owners(spec: "Spec") -> list[Problem]:
    """Services belong to teams."""
    teams = [team.name for team in spec.alerting.teams]
    found: list[Problem] = []
    for index, service in enumerate(spec.services):
        found += known(("services", index, "owner"), service.owner, teams, "team")
    return found


def rule_teams(spec: "Spec") -> list[Problem]:
    """Alerts of the stack file belong to teams."""
    teams = [team.name for team in spec.alerting.teams]
    found: list[Problem] = []
    for index, rule in enumerate(spec.metrics.rules.alerts):
        found += known(("metrics", "rules", "alerts", index, "team"), rule.team, teams, "team")
    return found


def _receivers_secrets(spec: "Spec") -> list[tuple[KeyPath, str]]:
    return [
        (("alerting", "receivers", index, "secret"), receiver.secret)
        for index, receiver in enumerate(spec.alerting.receivers)
        if receiver.secret is not None
    ]


def _jobs_secrets(spec: "Spec") -> list[tuple[KeyPath, str]]:
    return [
        (("metrics", "scrape_jobs", index, "basic_auth", "secret"), job.basic_auth.secret)
        for index, job in enumerate(spec.metrics.scrape_jobs)
        if job.basic_auth is not None
    ]


def _services_secrets(spec: "Spec") -> list[tuple[KeyPath, str]]:
    return [
        (("services", index, "metrics", position, "basic_auth", "secret"), endpoint.basic_auth.secret)
        for index, service in enumerate(spec.services)
        for position, endpoint in enumerate(service.metrics)
        if endpoint.basic_auth is not None
    ]


def secrets_of_receivers(spec: "Spec") -> list[Problem]:
    """Receivers name secrets that are there."""
    return known_secrets(spec, _receivers_secrets(spec))


def secrets_of_jobs(spec: "Spec") -> list[Problem]:
    """Scrape jobs name secrets that are there."""
    return known_secrets(spec, _jobs_secrets(spec))


def secrets_of_services(spec: "Spec") -> list[Problem]:
    """Metrics endpoints name secrets that are there."""
    return known_secrets(spec, _services_secrets(spec))


def known_secrets(spec: "Spec", uses: list[tuple[KeyPath, str]]) -> list[Problem]:
    """Of places that name a secret, those that name one that there is not."""
    names = [secret.name for secret in spec.secrets]
    return [found for path, name in uses for found in known(path, name, names, "secret")]


def unused_secrets(spec: "Spec", others: list[tuple[KeyPath, str]]) -> list[Problem]:
    """Each secret is asked for by something. `others`: where else one is named, and which."""
    uses = [*_receivers_secrets(spec), *_jobs_secrets(spec), *_services_secrets(spec), *others]
    used = {name for _, name in uses}
    return [
        Problem(
            ("secrets", index, "name"), secret.name, "expected a secret that a receiver or a basic_auth uses"
        )
        for index, secret in enumerate(spec.secrets)
        if secret.name not in used
    ]


def calls(spec: "Spec") -> list[Problem]:
    """Services call services that the stack runs, and in no cycle: each starts after those that it calls."""
    services = {service.name: service for service in spec.services}
    found: list[Problem] = []
    for index, service in enumerate(spec.services):
        runnable = [name for name, other in services.items() if other.run and name != service.name]
        for position, callee in enumerate(service.run.calls if service.run else ()):
            found += known(
                ("services", index, "run", "calls", position), callee, runnable, "service with `run`"
            )
    at = {service.name: index for index, service in enumerate(spec.services)}
    graph = {
        name: [callee for callee in (service.run.calls if service.run else ()) if callee in services]
        for name, service in services.items()
    }
    for cycle in circles(graph):
        path: KeyPath = ("services", at[cycle[0]], "run", "calls")
        found.append(Problem(path, " -> ".join(cycle), "expected no dependency cycle"))
    return found


def circles(graph: dict[str, list[str]]) -> Iterable[list[str]]:
    """Circles of names that share none, each from the first that the graph names round to it again."""
    names = list(graph)
    while True:
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            ring = list(reversed(error.args[1][1:]))
        else:
            return
        start = min(range(len(ring)), key=lambda position: names.index(ring[position]))
        if len(ring) > 1:  # what leads to itself is told as nothing that it may lead to
            yield [*ring[start:], *ring[: start + 1]]
        graph = {
            name: [callee for callee in callees if callee not in ring]
            for name, callees in graph.items()
            if name not in ring
        }


def known(path: KeyPath, name: str, names: list[str], what: str) -> list[Problem]:
    """A problem unless a name is one of those."""
    if name in names:
        return []
    offered = ", ".join(sorted(names)) or "none is defined"
    return [Problem(path, name, f"expected the name of a {what}: {offered}")]
