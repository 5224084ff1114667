"""Alerts on the reading of journals: who is not followed or was never heard of, what was gone or of no use
before it was read."""

from components.rules.model import COARSE, COARSE_INTERVAL, Alert, Case, Firing, flat
from components.rules.platform import Platform, grew, growth_cases, pair
from components.spec import Spec

_OWN = 'job="journal"'
_FOLLOWED = "obs_journal_followed"
_LOST = "obs_journal_lost_positions_total"
_DROPPED = "obs_journal_dropped_total"
_LAST = "obs_journal_last_entry_timestamp_seconds"
_LABELS = {"instance": "host:1", "unit": "a.service"}
_WINDOW = "15m"


def journal(spec: Spec) -> tuple[Alert, ...]:
    """Each names the host and the unit."""
    platform = Platform(spec, "journal")
    return (_unread(platform), _never_seen(platform), _place_lost(platform), _dropped(platform))


def _unread(platform: Platform) -> Alert:
    """By a mean: a journalctl that ends again and again is followed for a moment after each start."""
    series = f'{_FOLLOWED}{{instance="host:1",job="journal",unit="a.service"}}'
    return platform.alert(
        name="JournalUnread",
        expr=f"avg_over_time({_FOLLOWED}{{{_OWN}}}[10m]) < 0.5",
        severity="warning",
        summary="The journal of {{ $labels.unit }} is not read",
        description="What {{ $labels.unit }} says on {{ $labels.instance }} was followed for "
        "{{ $value | humanizePercentage }} of the last ten minutes. What it says meanwhile is stored nowhere "
        "else, and is lost if the journal drops it first.",
        cases=lambda: pair(
            ((series, "0 0 1 0 1 " * 6),),
            ((series, "0 1 " * 15),),
            "20m",
            Firing("40%", {**_LABELS, "job": "journal"}),
        ),
        hold="5m",
    )


def _never_seen(platform: Platform) -> Alert:
    """Not at once: a unit may come after the stack that watches it. systemd itself says something of each
    that it starts, so one that runs and is silent is none."""
    series = f'{_LAST}{{instance="host:1",job="journal",unit="a.service"}}'
    firing = Firing("0", {**_LABELS, "job": "journal"})

    def case(name: str, values: str, *fires: Firing) -> Case:
        return Case(name, ((series, values),), "1600m", fires, COARSE_INTERVAL, COARSE)

    return platform.alert(
        name="JournalUnitNeverSeen",
        expr=f"{_LAST}{{{_OWN}}} == 0\nand\n{_LAST}{{{_OWN}}} offset 1d == 0",
        severity="info",
        summary="{{ $labels.unit }} never said anything",
        description="For a day the journal of {{ $labels.instance }} has had nothing of {{ $labels.unit }}, "
        "which a log source names: not even that it was started.",
        cases=lambda: (
            case("never in a day", flat(0, 700), firing),
            case("it comes within a day", f"{flat(0)} {flat(1.7e9, 100)}"),
            case("it is followed for less than a day", f"_x200 {flat(0)}"),
        ),
    )


def _place_lost(platform: Platform) -> Alert:
    return platform.alert(
        name="JournalPlaceLost",
        expr=grew((_LOST,), _OWN, _WINDOW, "instance, unit"),
        severity="warning",
        summary="Messages of {{ $labels.unit }} may be gone that were not read",
        description="{{ $value | humanize }} times the journal of {{ $labels.instance }} no longer had the "
        "message of {{ $labels.unit }} up to which it was read, and began after the time until which all of "
        "the unit was read. What it said in between is stored nowhere.",
        cases=lambda: growth_cases((_LOST,), {**_LABELS, "job": "journal"}, _LABELS, _WINDOW),
    )


def _dropped(platform: Platform) -> Alert:
    return platform.alert(
        name="JournalMessagesDropped",
        expr=grew((_DROPPED,), _OWN, _WINDOW, "instance, unit"),
        severity="critical",
        summary="Messages of {{ $labels.unit }} are dropped",
        description="{{ $value | humanize }} messages of {{ $labels.unit }} in the journal of "
        "{{ $labels.instance }} could not be read, and are stored nowhere.",
        cases=lambda: growth_cases((_DROPPED,), {**_LABELS, "job": "journal"}, _LABELS, _WINDOW),
    )
