"""All rules of a stack as documents: a file per service, the stack's own, the user's own; and their tests."""

from components.render.document import Document, Documents
from components.rules import promtool, service, stack
from components.rules.model import Alert, Group, Recording, RuleFile, steady, to_native
from components.site import Site
from components.spec import Spec


def documents(spec: Spec, site: Site) -> Documents:
    """`rules/<service>.yml`, `rules/platform-*.yml`, `rules/custom.yml`, `tests/<the same>.yml`."""
    found: Documents = {}
    for file in rule_files(spec, site):
        found |= _rules(spec, site, file)
        found |= promtool.render(spec, site, file)
    custom = custom_rules(spec)
    if custom is not None:
        found |= _rules(spec, site, custom)
        if spec.metrics.rules.alerts:
            found |= promtool.render_custom(custom, spec.metrics.rules.alerts)
    return found


def untested(spec: Spec, site: Site) -> Documents:
    """The same without their tests, which are most of the work: for who cannot run them anyway."""
    custom = custom_rules(spec)
    files = (*rule_files(spec, site), *([custom] if custom else []))
    return {path: document for file in files for path, document in _rules(spec, site, file).items()}


def _rules(spec: Spec, site: Site, file: RuleFile) -> Documents:
    return {f"rules/{file.name}.yml": Document(to_native(spec, site, file), "yaml")}


def rule_files(spec: Spec, site: Site) -> tuple[RuleFile, ...]:
    """The built-in rules: a file per service, then those of the stack's programs that the site has."""
    services = tuple(service.rule_file(one, spec) for one in spec.services)
    return services + stack.rule_files(spec, site)


def custom_rules(spec: Spec) -> RuleFile | None:
    """The groups of the user's own rules (recordings first, since alerts may use them); None without any."""
    own, interval = spec.metrics.rules, spec.metrics.evaluation_interval
    if not own.alerts and not own.recordings:
        return None
    recordings = tuple(
        Recording(rule.record, _steady(spec, rule.expr), rule.labels) for rule in own.recordings
    )
    alerts = tuple(
        Alert(
            name=rule.name,
            expr=rule.expr,
            severity=rule.severity,
            team=rule.team,
            summary=rule.summary,
            description=rule.description,
            cases=tuple,
            hold=rule.hold,
            runbook=rule.runbook,
        )
        for rule in own.alerts
    )
    groups = (Group("custom-recordings", interval, recordings), Group("custom-alerts", interval, alerts))
    return RuleFile("custom", tuple(group for group in groups if group.rules))


def _steady(spec: Spec, expr: str) -> str:
    """A recording of the user's own; `avg`, since that takes histograms too. A bare number is no vector."""
    try:
        float(expr)
    except ValueError:
        return steady(spec, expr, "avg")
    return expr
