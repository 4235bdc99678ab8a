"""The application: its parts put together, its routes, its life from start to end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from service import __version__
from service.api.admission import Admission
from service.api.archive import Archive
from service.api.bearer import require_key
from service.api.docs_page import docs_page
from service.api.memory import resident_bytes
from service.api.metrics import Metrics
from service.api.parameters import single_values
from service.api.problems import register_problems
from service.api.request_log import RequestLog
from service.api.routes import (
    compress,
    decompress,
    health,
    inspect,
    metrics,
    models,
    pictures,
    segment,
)
from service.api.schemas import Problem
from service.api.state import ServiceState
from service.api.worker.codec import DEFAULT_FACTORY
from service.api.worker.handle import WorkerHandle
from service.api.worker.queue import JobQueue
from service.settings import Settings


def create_app(settings: Settings, codec_factory: str = DEFAULT_FACTORY) -> FastAPI:
    """Make the application. Its worker starts with the application's life, not here.

    Parameters
    ----------
    settings
        Every limit and switch.
    codec_factory
        Where the worker finds its codec, as ``module:function``.
    """
    state = _state(settings, codec_factory)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        state.jobs.open()
        try:
            yield
        finally:
            await state.jobs.close()

    app = FastAPI(
        title="Bladestream",
        version=__version__,
        description="Compresses wind turbine inspection photographs: the blade at a high quality, "
        "the background at almost no cost.",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        # A path with a slash too many is answered as a problem, not by a redirect to a host that
        # the client named.
        redirect_slashes=False,
    )
    app.state.service = state
    register_problems(app)
    app.add_middleware(RequestLog, metrics=state.metrics)
    app.include_router(health.router)
    for module in (compress, decompress, segment, inspect, pictures, models, metrics):
        app.include_router(
            module.router, dependencies=[Depends(require_key), Depends(single_values)]
        )
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()))

    return app


def _state(settings: Settings, codec_factory: str) -> ServiceState:
    admission = Admission(settings.queue_size)
    jobs = JobQueue(lambda: WorkerHandle(settings, codec_factory))

    def device_memory_bytes() -> float:
        told = jobs.health.get("device_memory_bytes")
        return float(told) if isinstance(told, int) else resident_bytes(jobs.worker_pid)

    return ServiceState(
        settings=settings,
        admission=admission,
        jobs=jobs,
        metrics=Metrics(
            lambda: admission.count,
            device_memory_bytes,
            lambda: jobs.health.get("segmentation") is True,
        ),
        archive=Archive(settings.archive_path) if settings.archive_path else None,
    )


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Describe the API; the schema of problems is added, since no route returns it."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema()
        app.openapi_schema = document
    return app.openapi_schema
