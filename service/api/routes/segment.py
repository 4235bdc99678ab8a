"""POST /segment: photographs in, where the blade is out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from service.api.accept import choose
from service.api.answers import REPORT_HEADER, BytesInPieces, report_header, server_timing
from service.api.bodies import read_pictures
from service.api.documented import job_problems, pictures_body, segmented
from service.api.jobs import deadline, run_for_client
from service.api.parameters import SegmentQuery
from service.api.schemas import OutlinedSegment, SegmentedSurface, SegmentReport
from service.api.state import PlaceDep, ServiceState, StateDep
from service.api.worker.messages import Segment, SegmentAnswer
from service.api.worker.queue import Outcome

router = APIRouter(tags=["segmentation"])

_JSON = "application/json"
_ANSWERS: dict[str, SegmentAnswer] = {
    "image/png": "mask",
    _JSON: "report",
    "image/jpeg": "overlay",
}


@router.post(
    "/segment",
    summary="Find the blade",
    response_model=OutlinedSegment | SegmentedSurface,
    openapi_extra=pictures_body(),
    responses={200: segmented(), **job_problems(406)},
)
async def segment(
    request: Request,
    query: SegmentQuery,
    state: StateDep,
    _: PlaceDep,
    accept: Annotated[list[str] | None, Header()] = None,
) -> Response:
    """Tell where the blade is, in one picture or in several of one surface.

    For one picture Accept chooses: its mask (`image/png`, the default), its outlines
    (`application/json`), or an overlay to look at (`image/jpeg`). Several are answered as JSON, in
    their order; one that cannot be read is reported in its place and the others are answered.
    """
    choose(accept, list(_ANSWERS))  # before the body is read
    async with deadline(state.settings.request_timeout_seconds):
        pictures = await read_pictures(request, state.settings.max_upload_bytes)
        media_type = choose(accept, list(_ANSWERS) if len(pictures) == 1 else [_JSON])
        names = tuple(picture.name for picture in pictures)
        task = Segment(names, _ANSWERS[media_type], query.flips, query.surface)
        parts = [picture.data for picture in pictures]
        pictures.clear()  # so that the queue holds the only references and frees them early
        outcome = await run_for_client(request, state.jobs, task, parts)
    return _answer(outcome, state)


def _answer(outcome: Outcome, state: ServiceState) -> Response:
    told: Any = outcome.report["pictures"]
    good = [SegmentReport.model_validate(picture) for picture in told if "problem" not in picture]
    total: dict[str, float] = {"queue": outcome.waited_seconds}
    for report in good:
        state.metrics.segmented(report.seconds, forest_used=report.forest_used)
        for stage, seconds in report.seconds.items():
            total[stage] = total.get(stage, 0.0) + seconds
    headers = {"Server-Timing": server_timing(total), "Vary": "Accept"}
    if outcome.media_type != _JSON:
        headers[REPORT_HEADER] = report_header(good[0])
    return BytesInPieces(
        outcome.data,
        seconds=state.settings.request_timeout_seconds,
        media_type=outcome.media_type,
        headers=headers,
    )
