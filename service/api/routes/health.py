"""GET /livez, /readyz, /healthz: the probes. They wait for nothing and need no key."""

from __future__ import annotations

import os
import time

from fastapi import APIRouter, Response

from service import __version__
from service.api.memory import resident_bytes
from service.api.schemas import (
    Alive,
    Health,
    MemoryHealth,
    ModelInfo,
    QueueHealth,
    Readiness,
    WorkerHealth,
)
from service.api.state import ServiceState, StateDep

router = APIRouter(tags=["operations"])


@router.head("/livez", include_in_schema=False)
@router.get("/livez", summary="Is it alive?")
async def livez() -> Alive:
    """Answer, which is all there is to being alive."""
    return Alive()


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Is new work welcome?",
    responses={503: {"model": Readiness, "description": "Not now"}},
)
async def readyz(state: StateDep, response: Response) -> Readiness:
    """Tell whether the models are loaded and right, and the queue has room."""
    readiness = _readiness(state)
    response.status_code = _status(readiness)
    return readiness


@router.head("/healthz", include_in_schema=False)
@router.get(
    "/healthz",
    summary="Both, in detail",
    responses={503: {"model": Health, "description": "Not ready"}},
)
async def healthz(state: StateDep, response: Response) -> Health:
    """Tell readiness with provider, models, versions, queue and memory."""
    readiness = _readiness(state)
    response.status_code = _status(readiness)
    jobs, started = state.jobs, state.jobs.started
    return Health(
        status=readiness.status,
        reasons=readiness.reasons,
        version=__version__,
        uptime_seconds=round(time.monotonic() - state.started_at, 1),
        queue=QueueHealth(depth=state.admission.count, capacity=state.admission.capacity),
        worker=WorkerHealth.model_validate(
            {
                "state": jobs.state,
                "restarts": jobs.restarts,
                "provider": started.provider if started else None,
                "zoo": dict(jobs.health),
            }
        ),
        memory=MemoryHealth(
            service_bytes=resident_bytes(os.getpid()),
            worker_bytes=resident_bytes(jobs.worker_pid),
        ),
        models=[ModelInfo.model_validate(model) for model in started.models] if started else [],
        archive=state.archive is not None,
    )


def _readiness(state: ServiceState) -> Readiness:
    reasons = state.not_ready()
    return Readiness(status="not-ready" if reasons else "ready", reasons=reasons)


def _status(readiness: Readiness) -> int:
    return 200 if readiness.status == "ready" else 503
