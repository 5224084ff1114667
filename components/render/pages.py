"""Settings of `agents.pages`, the stack's web pages."""

from components.addresses import HOST, Addresses
from components.render.opensearch_store import SECRET_OF
from components.render.services import to_json
from components.render.slo import DURATION, indicator
from components.spec import Service, Spec
from components.spec.services import Slo

COMMAND = ("{python}", "-m", "agents.pages", "--settings", "settings.json")
HEALTH_PATH = "/health"
READER = "reader"


def render(spec: Spec, addresses: Addresses) -> dict[str, str]:
    """`settings.json`: whom the pages read, and where each service's requests are counted."""
    settings = {
        "stack": spec.environment.name,
        "host": HOST,
        "port": addresses.port("pages"),
        "labels": spec.environment.labels,
        "engines": {
            "prometheus": f"http://{addresses['prometheus']}",
            "alertmanager": f"http://{addresses['alertmanager']}",
            "jaeger": f"http://{addresses['jaeger-query-http']}",
        },
        "sink": f"http://{addresses['sink']}" if spec.alerting.sink else None,
        "services": [_service(service, addresses) for service in spec.services],
        "logs": {
            "url": f"https://{addresses['opensearch']}",
            "user": READER,
            "password_file": f"../../../secrets/{SECRET_OF[READER]}",
            "ca": "../../../secrets/tls/ca.pem",
            "indices": f"{spec.logging.index.prefix}-*",
        },
    }
    return {"settings.json": to_json(settings)}


def _service(service: Service, addresses: Addresses) -> dict[str, object]:
    """A service that promises nothing is shown by its server spans."""
    slo = service.slo or Slo()
    signals = indicator(service, slo)
    histogram = slo.metrics.latency if slo.metrics else DURATION
    matchers = signals.counted.partition("{")[2]
    promise = (
        f"{slo.availability:g} % without failure, {slo.latency.target:g} % within {slo.latency.threshold}"
    )
    return {
        "name": service.name,
        "owner": service.owner,
        "version": service.version,
        "page": f"http://{addresses.service(service)}/" if service.run else None,
        "requests": signals.requests,
        "errors": signals.errors,
        "buckets": f"{histogram}_bucket{{{matchers}",
        "promise": promise if service.slo else None,
    }
