"""POST /compress: a photograph in, a ``.blade`` file out."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Request, Response

from service.api.accept import choose
from service.api.answers import (
    LARGER_HEADER,
    REPORT_HEADER,
    BytesInPieces,
    report_header,
    server_timing,
)
from service.api.bodies import Upload, read_upload
from service.api.documented import BLADE, BYTES, blade_file, job_problems, picture_body
from service.api.jobs import deadline, run_for_client
from service.api.parameters import CompressParameters, CompressQuery
from service.api.schemas import CompressReport
from service.api.state import PlaceDep, ServiceState, StateDep
from service.api.worker.messages import Compress
from service.api.worker.queue import Outcome
from service.errors import BadParameter

router = APIRouter(tags=["codec"])


@router.post(
    "/compress",
    summary="Compress a photograph",
    response_class=Response,
    openapi_extra=picture_body(),
    responses={
        200: blade_file("The .blade file."),
        201: blade_file("The .blade file, kept under Location."),
        **job_problems(406, 507),
    },
)
async def compress(
    request: Request,
    query: CompressQuery,
    state: StateDep,
    _: PlaceDep,
    accept: Annotated[list[str] | None, Header()] = None,
) -> Response:
    """Compress a photograph: the blade bit for bit, the background at a quality.

    The body is the photograph, or a form with the photograph (`image`) and a picture of the same
    size that is white where the blade is (`mask`). Without a mask the blade is found first; what
    cannot be decided is blade. What a file says of itself as JSON, POST /inspect answers.
    """
    media_type = choose(accept, [BLADE, BYTES])
    options = query.options(state.settings.dilation_pixels)
    if query.keep and state.archive is None:
        raise BadParameter("keep=true needs an archive, and this service is set up without one")
    async with deadline(state.settings.request_timeout_seconds):
        upload = await read_upload(request, state.settings.max_upload_bytes)
        task = Compress(options, _mask(query, upload), query.convert, query.surface)
        parts = upload.parts
        del upload  # so that the queue holds the only reference and frees it early
        outcome = await run_for_client(request, state.jobs, task, parts)
    return await _answer(outcome, query, state, media_type)


def _mask(query: CompressParameters, upload: Upload) -> Literal["full", "none", "given", "found"]:
    if query.surface is not None and (query.mask or upload.mask):
        raise BadParameter("surface helps to find the blade, and a mask says where it is")
    if upload.mask is None:
        return query.mask or "found"
    if query.mask is not None:
        raise BadParameter(f"a mask was sent, and mask={query.mask} says something else")
    return "given"


async def _answer(
    outcome: Outcome, query: CompressParameters, state: ServiceState, media_type: str
) -> Response:
    report = CompressReport.model_validate(outcome.report)
    state.metrics.work(report.seconds, report.width * report.height, report.blade_share)
    if report.found_blade_share is not None:
        state.metrics.segmented({}, forest_used=report.forest_used)
    headers = {
        REPORT_HEADER: report_header(report),
        "Server-Timing": server_timing({"queue": outcome.waited_seconds, **report.seconds}),
        "Vary": "Accept",
    }
    if report.larger_than_source:
        headers[LARGER_HEADER] = "true"
    status = 200
    if query.keep and state.archive is not None:
        picture_id = await asyncio.to_thread(state.archive.keep, outcome.data)
        headers |= {"Location": f"/pictures/{picture_id}.blade", "ETag": f'"{picture_id}"'}
        status = 201
    return BytesInPieces(
        outcome.data,
        seconds=state.settings.request_timeout_seconds,
        media_type=media_type,
        status_code=status,
        headers=headers,
    )
