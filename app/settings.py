"""All settings, read once from WINNOW_* variables."""

from functools import cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every WINNOW_* variable with its default; the embedded servers need none of them."""

    model_config = SettingsConfigDict(env_prefix="WINNOW_", frozen=True, extra="ignore")

    home: Path = Field(
        Path.home() / ".winnow", description="Folder of the embedded database, uploads and releases"
    )
    database_url: str = Field(
        "", description="Postgres URL; empty: the embedded Postgres of `winnow up`"
    )
    broker_url: str = Field("", description="Redis URL; empty: a folder under HOME/broker")
    import_root: Path | None = Field(
        None, description="Folder from which imports by path are allowed; empty: HOME/imports"
    )
    embedding_model: str = Field(
        "",
        description="Model of embeddings, a folder or a name on the hub; empty: all-MiniLM-L6-v2",
    )
    cache: Path | None = Field(
        None, description="Folder of distilled models, which homes may share; empty: HOME/models"
    )
    public_url: str = Field("http://127.0.0.1:8000", description="Address under which people open")
    secret_key: str = Field(
        "",
        description="Encrypts keys of endpoints; the same on all machines. Empty: HOME/secret.key",
    )
    secure_cookies: bool = Field(False, description="Send cookies over HTTPS only")
    session_hours: int = Field(24 * 14, description="How long a login lasts without use")
    max_upload_mb: int = Field(4096, description="Largest uploaded file in MiB")
    db_pool: int = Field(20, description="Open database connections per process; as many again")
    statement_timeout_ms: int = Field(15_000, description="Longest query of a page, milliseconds")
    heartbeat_s: float = Field(5.0, description="Seconds between a worker's signs of life")
    stale_after_s: float = Field(60.0, description="A chunk without sign of life is given back")
    upkeep_every_s: float = Field(10.0, description="Seconds between two rounds of upkeep")
    lease_minutes: int = Field(15, description="How long a sample is held for its reviewer")
    cpu_watts: float = Field(10.0, description="Power of a busy core, for estimates of energy")
    gpu_watts: float = Field(350.0, description="Power of a busy GPU, for estimates of energy")
    login_tries: int = Field(10, description="Wrong passwords per address and quarter of an hour")
    log_json: bool = Field(True, description="Log as JSON lines; false: for reading on a terminal")

    @property
    def uploads(self) -> Path:
        """Uploaded files wait here for their import."""
        return self.home / "uploads"

    @property
    def releases(self) -> Path:
        """The files of all releases, one folder each."""
        return self.home / "releases"

    @property
    def models(self) -> Path:
        """Models that were learned here."""
        return self.home / "models"

    @property
    def distilled(self) -> Path:
        """Embedders that were distilled from larger ones; what is gone is made again."""
        return self.cache or self.models

    @property
    def import_folder(self) -> Path:
        """The folder below which a path may be imported."""
        return self.import_root or self.home / "imports"


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
