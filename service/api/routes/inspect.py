"""POST /inspect: what a ``.blade`` file is and where its bytes go."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.api.bodies import read_blade
from service.api.documented import blade_body, job_problems
from service.api.jobs import deadline, run_for_client
from service.api.schemas import InspectReport
from service.api.state import PlaceDep, StateDep
from service.api.worker.messages import Inspect

router = APIRouter(tags=["codec"])


@router.post(
    "/inspect",
    summary="Look into a .blade file",
    openapi_extra=blade_body(),
    responses=job_problems(),
)
async def inspect(request: Request, state: StateDep, _: PlaceDep) -> InspectReport:
    """Tell a file's size, models and qualities, and its bytes by chunk and by kind of patch."""
    async with deadline(state.settings.request_timeout_seconds):
        parts: list[bytes | bytearray] = [
            await read_blade(request, state.settings.max_upload_bytes)
        ]
        outcome = await run_for_client(request, state.jobs, Inspect(), parts)
    return InspectReport.model_validate(outcome.report)
