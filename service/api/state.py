"""What the routes share: one of each for the life of an app."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from service.api.admission import Admission
from service.api.archive import Archive
from service.api.metrics import Metrics
from service.api.worker.queue import JobQueue
from service.settings import Settings


@dataclass(frozen=True)
class ServiceState:
    """The parts that requests meet in."""

    settings: Settings
    admission: Admission
    jobs: JobQueue
    metrics: Metrics
    archive: Archive | None
    started_at: float = field(default_factory=time.monotonic)

    def not_ready(self) -> list[str]:
        """Say why new work should go elsewhere; empty if it is welcome."""
        reasons = []
        if self.admission.is_closed:
            reasons.append("the service is shutting down")
        elif self.admission.is_full:
            reasons.append("the queue is full")
        if self.jobs.state == "starting":
            reasons.append("the models are being loaded")
        elif self.jobs.state == "failed":
            reasons.append(f"the models cannot be used: {self.jobs.failure}")
        return reasons


def service_state(request: Request) -> ServiceState:
    """Find the state of the app that a request came to."""
    return cast(ServiceState, request.app.state.service)


StateDep = Annotated[ServiceState, Depends(service_state)]


async def _place(state: StateDep) -> AsyncIterator[None]:
    # FastAPI leaves this when the answer is sent, not when it is made: large answers count too.
    with state.admission.enter():
        yield


PlaceDep = Annotated[None, Depends(_place)]
