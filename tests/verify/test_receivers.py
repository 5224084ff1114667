"""Who a check expects to be told of an alert."""

from obs.verify import checks_alerts
from tests.verify.fakes import shop_spec


def test_routes_stand_before_the_owner() -> None:
    spec = shop_spec()
    labels = {"team": "checkout", "service": "payments", "severity": "critical"}
    assert checks_alerts.receivers(spec, labels) == {"platform-pagerduty", "checkout-teams"}
    assert checks_alerts.receivers(spec, {**labels, "severity": "warning"}) == {"checkout-teams"}
    assert checks_alerts.receivers(spec, {"team": "nobody"}) == {"platform-pagerduty"}
    route = {"match": {"service": "payments"}, "receiver": "warehouse-tickets"}
    only = shop_spec(alerting={"routes": [route]})
    assert checks_alerts.receivers(only, labels) == {"warehouse-tickets"}
