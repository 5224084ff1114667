"""The settings file of one demo service, as rendered from the stack.

Parsed once at start; a bad file is a user's mistake, so it ends in exit code 2 with every error at once
and never in a traceback.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+(:\d+)?$")]
RedisUrl = Annotated[str, StringConstraints(pattern=r"^redis://[^\s]+$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Scalar = bool | int | float | str

M = TypeVar("M", bound=BaseModel)


class SettingsError(Exception):
    """The settings file cannot be used; the text says which keys and why."""


class Frozen(BaseModel):
    """Immutable and closed: an unknown key is an error, since it is nearly always a typing mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tls(Frozen):
    """Files of a client that speaks TLS."""

    ca: str
    """The authority that signed the certificates of whom it calls."""
    certificate: str | None = None
    """Its own, where they ask for one."""
    key: str | None = None

    @property
    def own(self) -> tuple[str, str] | None:
        """Its own certificate and key."""
        return (self.certificate, self.key) if self.certificate and self.key else None


class Serving(Frozen):
    """Files of a server that speaks TLS, to who shows a certificate of the authority."""

    ca: str
    certificate: str
    key: str


class Otlp(Frozen):
    """Where spans go. ``none`` switches the export off (the service keeps its trace context)."""

    endpoint: HttpUrl
    protocol: Literal["grpc", "http", "none"]
    ca: str | None = None
    """File of the authority that signed the receiver's certificate, for an endpoint with https."""
    certificate: str | None = None
    """File of the own certificate, where the receiver asks for one."""
    key: str | None = None


class Settings(Frozen):
    """One service: who it is (labels on every signal), where it listens, whom it calls."""

    service: Name
    env: str
    cluster: str
    region: str
    team: str
    owner: str
    version: str
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    correlation_header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")]
    otlp: Otlp
    head_sampling: Annotated[float, Field(ge=0, le=1)]
    calls: dict[Name, HttpUrl] = {}
    redis: RedisUrl | None = None
    redis_password_file: str | None = None
    """For a Redis that asks for one."""
    tls: Tls | None = None
    """For calls with https."""
    serving: Serving | None = None
    """How it is dialled; plain HTTP from whoever dials if there is none."""
    options: dict[str, Scalar] = {}

    def parse_options(self, model: type[M]) -> M:
        """Read ``options`` as the module's own model. Raises SettingsError naming each bad key."""
        try:
            return model.model_validate(self.options)
        except ValidationError as error:
            raise SettingsError(_describe(error, prefix=("options",))) from None

    def redis_password(self) -> str | None:
        """The password of a Redis that asks for one. Raises SettingsError."""
        if self.redis_password_file is None:
            return None
        try:
            return Path(self.redis_password_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(
                f"redis_password_file: cannot be read (value {self.redis_password_file!r}): {error.strerror}"
            ) from None

    def require_calls(self, *names: str) -> None:
        """Fail at start, not at the first request, when a dependency has no address."""
        missing = [name for name in names if name not in self.calls]
        if missing:
            raise SettingsError(
                "\n".join(f"calls.{name}: is missing; expected the URL of {name}" for name in missing)
            )


def load_settings(path: Path) -> Settings:
    """Read and validate one settings file. Raises SettingsError with every error, one a line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    try:
        return Settings.model_validate_json(text)
    except ValidationError as error:
        raise SettingsError(f"{path}: not valid\n{_describe(error)}") from None


def _describe(error: ValidationError, prefix: tuple[str, ...] = ()) -> str:
    lines = []
    for item in error.errors(include_url=False):
        key = ".".join(str(part) for part in (*prefix, *item["loc"])) or "(file)"
        value = "" if item["type"] == "missing" else f" (value {item['input']!r:.120})"
        lines.append(f"  {key}: {item['msg']}{value}")
    return "\n".join(lines)
