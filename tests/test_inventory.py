"""The rows of the inventory agree with one another, and with what cannot read them."""

from collections import Counter

from components.catalog import ENGINES
from components.cluster_engines import CLUSTER_ENGINES
from components.inventory import PROGRAMS
from components.render import opensearch_store
from components.render.programs import RENDERERS
from components.spec.consistency import RESERVED_JOBS, RESERVED_PROGRAMS
from tests import specs
from tests.sites import apart
from vsi.site import MERGED, local_site
from vsi.units import all_units

SPEC = specs.spec()
SOCKETS = [socket for program in PROGRAMS for socket in program.sockets]

OFFSETS = {
    "prometheus": 0,
    "alertmanager": 1,
    "alertmanager-cluster": 2,
    "node-exporter": 3,
    "front": 4,
    "redis-exporter": 5,
    "housekeeper": 6,
    "journal": 7,
    "opensearch": 10,
    "opensearch-transport": 11,
    "redis": 12,
    "collector-otlp-grpc": 20,
    "collector-otlp-http": 21,
    "collector-metrics": 22,
    "collector-spanmetrics": 23,
    "collector-health": 24,
    "collector-pushed": 25,
    "collector-agent-metrics": 26,
    "collector-agent-health": 27,
    "collector-spread": 28,
    "collector-agent-pushed": 29,
    "jaeger-query-http": 30,
    "jaeger-query-grpc": 31,
    "jaeger-otlp-grpc": 32,
    "jaeger-metrics": 33,
    "jaeger-health": 34,
    "collector-agent-otlp-grpc": 35,
    "collector-agent-otlp-http": 36,
    "collector-own": 37,
    "jaeger-own": 38,
    "sink": 40,
    "pages": 41,
}
"""Firewalls and bookmarks of running stacks hold these: one may be added, none changed."""


def test_offsets_are_those_of_running_stacks() -> None:
    assert {socket.name: socket.offset for socket in SOCKETS} == OFFSETS


def test_offsets_leave_room_for_the_services() -> None:
    assert all(0 <= socket.offset < 100 for socket in SOCKETS)


def test_no_two_listeners_share_a_name_or_an_offset() -> None:
    names = Counter(socket.name for socket in SOCKETS)
    offsets = Counter(socket.offset for socket in SOCKETS)
    assert max(names.values()) == max(offsets.values()) == 1


def test_what_is_scraped_and_asked_is_a_listener_of_the_program() -> None:
    for program in PROGRAMS:
        own = {socket.name for socket in program.sockets}
        asked = {page.listener for page in program.metrics} | ({program.api} if program.api else set())
        assert asked <= own, program.name


def test_a_page_is_behind_an_api() -> None:
    assert [program.name for program in PROGRAMS if program.pages and not program.api] == []


def test_engines_are_in_the_catalogue_and_each_is_used() -> None:
    used = {program.engine for program in PROGRAMS if program.engine}
    of_clusters = {engine.name for engine in CLUSTER_ENGINES}
    assert used == {engine.name for engine in ENGINES} - {"pulumi", "runtime"} - of_clusters


def test_each_user_of_the_store_has_a_role_there() -> None:
    users = {program.user for program in PROGRAMS if program.user}
    files = opensearch_store.render(SPEC, local_site(SPEC))
    assert {f"obs-{user}" for user in users} <= files["setup/security/roles.json"].data.keys()


def test_names_of_programs_and_their_jobs_are_reserved() -> None:
    """What a service may not be called stands in the spec, which knows no inventory."""
    names = {program.name for program in PROGRAMS}
    jobs = {page.job for program in PROGRAMS for page in program.metrics}
    assert set(RESERVED_PROGRAMS) == names
    assert set(RESERVED_JOBS) == names | jobs


def test_every_program_has_a_renderer() -> None:
    assert set(RENDERERS) == {program.name for program in PROGRAMS}


def test_a_program_is_healthy_where_it_listens_and_needs_programs() -> None:
    for program in PROGRAMS:
        run = RENDERERS[program.name].running(SPEC, apart(SPEC))
        assert run.health.listener in {socket.name for socket in program.sockets}, program.name
        assert set(run.needs) <= {other.name for other in PROGRAMS}, program.name


def test_local_starts_every_program_but_those_that_it_merges() -> None:
    started = {unit.name for unit in all_units(SPEC, local_site(SPEC))}
    services = {service.name for service in SPEC.services}
    assert started - services == {program.name for program in PROGRAMS} - set(MERGED)
