"""POST /decompress: a ``.blade`` file in, a picture or a region of it out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.api.answers import REPORT_HEADER, BytesInPieces, report_header, server_timing
from service.api.bodies import read_blade
from service.api.documented import blade_body, job_problems, pictures
from service.api.jobs import deadline, run_for_client
from service.api.parameters import DecompressQuery
from service.api.schemas import DecompressReport
from service.api.state import PlaceDep, ServiceState, StateDep
from service.api.worker.messages import Decompress
from service.api.worker.queue import Outcome

router = APIRouter(tags=["codec"])


@router.post(
    "/decompress",
    summary="Decode a .blade file",
    response_class=Response,
    openapi_extra=blade_body(),
    responses={200: pictures("The picture.", DecompressReport), **job_problems()},
)
async def decompress(
    request: Request, query: DecompressQuery, state: StateDep, _: PlaceDep
) -> Response:
    """Decode a whole picture or a region of it.

    The report tells whether every blade pixel shown was verified (`exact`) and which patches are
    damaged (`damaged`); with `strict=true` damage is an error.
    """
    async with deadline(state.settings.request_timeout_seconds):
        parts: list[bytes | bytearray] = [
            await read_blade(request, state.settings.max_upload_bytes)
        ]
        task = Decompress(query.options(), query.format)
        outcome = await run_for_client(request, state.jobs, task, parts)
    return picture_answer(outcome, state, {})


def picture_answer(outcome: Outcome, state: ServiceState, headers: dict[str, str]) -> Response:
    """Answer a decoded picture with its report; ``headers`` are further ones."""
    report = DecompressReport.model_validate(outcome.report)
    report.damaged_count = len(report.damaged)
    state.metrics.work(report.seconds, report.width * report.height)
    return BytesInPieces(
        outcome.data,
        seconds=state.settings.request_timeout_seconds,
        media_type=outcome.media_type,
        headers={
            REPORT_HEADER: report_header(report),
            "Server-Timing": server_timing({"queue": outcome.waited_seconds, **report.seconds}),
            **headers,
        },
    )
