"""The script that Fluent Bit calls, run by LuaJIT, which is what Fluent Bit has (`lupa` brings it)."""

from dataclasses import dataclass
from typing import Any

from lupa import luajit21

from components.render import fluent_bit
from components.render.collector_files import Source
from components.render.text import texts
from components.site import Site
from components.spec import Spec


@dataclass(frozen=True)
class Made:
    """What became of a record: 1 changed, -1 dropped."""

    code: int
    at: tuple[int, int]
    record: dict[str, Any]


class Script:
    """One filter with its own state of Lua."""

    def __init__(self, text: str, now: int | None = None) -> None:
        self.lua = luajit21.LuaRuntime(encoding=None, unpack_returned_tuples=True)
        # As Fluent Bit has it with `enable_flb_null`: what stands for a null is no nil.
        self.lua.execute(b"flb_null = newproxy()")
        if now is not None:
            self.lua.execute(
                f"local was = os.time; os.time = function(t) return t and was(t) or {now} end".encode()
            )
        self.lua.execute(text.encode())

    def call(self, tag: str, at: tuple[int, int], record: dict[str, Any]) -> Made:
        """One record, as Fluent Bit hands it over."""
        seen = self.lua.table_from({b"sec": at[0], b"nsec": at[1]})
        given = self.lua.table_from({_bytes(key): _bytes(value) for key, value in record.items()})
        code, time, out = self.lua.globals()[b"make_record"](tag.encode(), seen, given)
        return Made(code, (int(time[b"sec"]), int(time[b"nsec"])), self.plain(out))

    def plain(self, value: Any) -> Any:
        """As Fluent Bit writes JSON of it: a whole number is one, a table with numbers a list."""
        if luajit21.lua_type(value) == "userdata":
            return None
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, float):
            return int(value) if value == int(value) and abs(value) < 2**63 else value
        if luajit21.lua_type(value) == "table":
            meta = self.lua.eval(b"getmetatable")(value)
            length = len(value)
            if length or (meta is not None and meta[b"type"] == 1):
                return [self.plain(value[i]) for i in range(1, length + 1)]
            return {key.decode("utf-8", "replace"): self.plain(item) for key, item in value.items()}
        return value


def _bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def of(spec: Spec, site: Site) -> Script:
    """The script of a stack."""
    return Script(texts(fluent_bit.render(spec, site))[fluent_bit.SCRIPT])


def with_settings(settings: dict[str, Any], now: int | None = None) -> Script:
    """The script with settings of a test's own."""
    return Script(fluent_bit.script(settings), now)


def source(name: str, form: str, pattern: str | None = None) -> Source:
    """A source of lines that no runtime wraps."""
    return Source(name, "orders", f"/var/log/{name}.log", form, pattern)
