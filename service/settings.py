"""Every limit and switch of the service, from environment variables named ``BLADESTREAM_*``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.errors import BadParameter

_PREFIX = "BLADESTREAM_"
_MIB = 1024 * 1024


def _digests(value: object) -> object:
    """Take ``a,b`` as well as a list, so that an environment variable needs no JSON."""
    if isinstance(value, str):
        return tuple(part.strip().lower() for part in value.split(",") if part.strip())
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _whole(value: object) -> object:
    """Let a number be text, as in the environment and in a query: a choice takes no other type."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Flips = Annotated[Literal[1, 2, 4], BeforeValidator(_whole)]
"""Flipped pictures that the network looks at to find the blade."""
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Settings(BaseSettings):
    """What operations may set; nonsense is refused at start.

    An empty variable counts as not set. A list is written with commas.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(8000, ge=0, le=65_535, description="port to listen on; 0 takes a free one")
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower)
    ] = Field("info", description="least severe log line that is written")

    max_upload_bytes: int = Field(256 * _MIB, ge=1, description="largest request body")
    max_pixels: int = Field(120_000_000, ge=1, description="largest picture, width times height")
    max_side: int = Field(65_535, ge=1, le=65_535, description="largest width and height")

    queue_size: int = Field(8, ge=1, le=10_000, description="requests that may wait or run")
    jobs: int = Field(2, ge=1, le=64, description="pictures that are coded at once")
    request_timeout_seconds: float = Field(
        120.0, gt=0, allow_inf_nan=False, description="deadline of one request"
    )
    shutdown_grace_seconds: float = Field(
        30.0, ge=0, allow_inf_nan=False, description="time running requests get after SIGTERM"
    )

    provider: Annotated[Literal["auto", "cpu", "cuda"], BeforeValidator(_lower)] = Field(
        "auto", description="where networks run; auto is CUDA where it works, else the CPU"
    )
    threads: int = Field(
        0,
        ge=0,
        le=1024,
        description="threads of the networks and of the search for paths; 0 is every core",
    )
    zoo_path: Path = Field(
        Path(__file__).resolve().parents[1] / "models" / "zoo",
        description="folder of the models",
    )
    default_model: str = Field(
        "lite", pattern=r"^[a-z0-9][a-z0-9.-]*$", description="model of a request that names none"
    )

    flips: Flips = Field(
        1, description="flipped pictures that the network looks at to find the blade"
    )
    dilation_pixels: int = Field(
        16, ge=0, le=1024, description="margin around a mask: a patch this near to blade is blade"
    )
    surfaces: int = Field(16, ge=1, le=1000, description="blade surfaces that are remembered")
    surface_seconds: float = Field(
        1800.0, gt=0, allow_inf_nan=False, description="time a surface is remembered unused"
    )

    archive_path: Path | None = Field(
        None, description="folder that keeps compressed pictures; unset keeps none"
    )
    api_key_sha256: Annotated[tuple[_Sha256, ...], NoDecode, BeforeValidator(_digests)] = Field(
        (), description="SHA-256 of each accepted key, in hex; none leaves the service open"
    )


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read the environment once; later calls answer the same object.

    Raises
    ------
    BadParameter
        A variable is not acceptable. Values are left out of the message: one may be a key.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = (
            f"{_PREFIX}{'.'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        )
        raise BadParameter("; ".join(problems)) from error
