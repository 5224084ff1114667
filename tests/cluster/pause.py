"""The image that holds a pod's namespaces: a program of seven instructions at most, which only waits."""

import struct
from pathlib import Path

from engines.setting import this_platform
from tests.cluster.images import Image
from tests.cluster.settings import PAUSE

_CODE = {
    # pause(), again and again
    "linux/amd64": (62, bytes.fromhex("b822000000 0f05 ebf7")),
    # ppoll() of nothing, without an end
    "linux/arm64": (
        183,
        b"".join(
            struct.pack("<I", word)
            for word in (0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003, 0xD2800928, 0xD4000001, 0x17FFFFFA)
        ),
    ),
}
_BASE = 0x400000
_HEADERS = 64 + 56


def image(folder: Path) -> Image:
    """The image; its program is written into a folder."""
    program = folder / "pause"
    program.write_bytes(_elf(*_CODE[this_platform()]))
    return Image(PAUSE, {"/pause": program}, ("/pause",))


def _elf(machine: int, code: bytes) -> bytes:
    """The smallest file that the kernel runs: a header, one segment, the code."""
    size = _HEADERS + len(code)
    kind = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return kind + header + segment + code
