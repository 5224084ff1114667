import io

import pytest
from rich.console import Console

from engines.progress import Shown, duration, size


def shown(terminal: bool) -> tuple[Shown, io.StringIO]:
    out = io.StringIO()
    return Shown(Console(file=out, force_terminal=terminal, width=100)), out


@pytest.mark.parametrize("terminal", [True, False])
def test_tells_names_sizes_and_estimates(terminal: bool) -> None:
    progress, out = shown(terminal)
    with progress:
        progress.start("toy", "building 1.0", 300, unit="s")
        for done in (10, 400):
            progress.advance("toy", done)
        progress.wait("other")
        progress.finish("toy", 56_000_000, 130)
        progress.start("big", "downloading big.tar.gz", None, unit="bytes")
        progress.advance("big", 1_000_000, None)
        progress.advance("big", 3_000_000, 9_000_000)
        progress.finish("big", 1_200_000_000, 3)
    text = out.getvalue()
    assert "toy: building 1.0, about 5 min" in text
    assert "other: another process is getting it, waiting for that one" in text
    assert "toy: in the cache, 56 MB, after 2 min" in text
    assert "big: in the cache, 1.2 GB, after 3 s" in text


def test_a_log_gets_a_line_per_event_and_no_bars() -> None:
    progress, out = shown(terminal=False)
    with progress:
        progress.start("toy", "building 1.0", 300, unit="s")
        for done in range(200):
            progress.advance("toy", done)
        progress.finish("toy", 1, 1)
    assert len(out.getvalue().strip().splitlines()) == 2
    assert "\x1b" not in out.getvalue()


def test_amounts_for_people() -> None:
    assert [size(n) for n in (0, 999, 1000, 56_000_000, 2_500_000_000)] == [
        "0 B",
        "999 B",
        "1 kB",
        "56 MB",
        "2.5 GB",
    ]
    assert [duration(n) for n in (1, 99, 100, 330)] == ["1 s", "99 s", "2 min", "6 min"]
