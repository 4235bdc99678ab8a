"""GET /pictures: what the archive keeps, as files and decoded."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response

from service import __version__
from service.api.answers import FileInPieces
from service.api.archive import Archive
from service.api.documented import BLADE, Responses, job_problems, pictures, problems
from service.api.jobs import deadline, run_for_client
from service.api.parameters import DecompressParameters, DecompressQuery
from service.api.ranges import parse_range
from service.api.routes.decompress import picture_answer
from service.api.schemas import DecompressReport
from service.api.state import PlaceDep, ServiceState, StateDep
from service.api.worker.messages import Decompress
from service.errors import NotFound

router = APIRouter(prefix="/pictures", tags=["archive"])

PictureId = Annotated[str, Path(description="SHA-256 of the .blade file, in hexadecimal.")]
IfNoneMatch = Annotated[str | None, Header()]
# The id is the content's digest: what stands under it never changes.
_FOR_EVER = "private, max-age=31536000, immutable"
_NOT_MODIFIED: Responses = {304: {"description": "The client has it already."}}


@router.head("/{picture_id}.blade", include_in_schema=False)
@router.get(
    "/{picture_id}.blade",
    summary="A kept file",
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {BLADE: {"schema": {"type": "string", "format": "binary"}}},
        },
        206: {
            "description": "The range asked for.",
            "content": {BLADE: {"schema": {"type": "string", "format": "binary"}}},
        },
        **_NOT_MODIFIED,
        **problems(401, 404, 416, 422),
    },
)
async def kept_file(
    picture_id: PictureId,
    state: StateDep,
    if_none_match: IfNoneMatch = None,
    if_range: Annotated[str | None, Header()] = None,
    range_: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """Send a kept `.blade` file or one range of its bytes.

    The first bytes of a file hold its index, so that a prefix can be decoded to what it has.
    """
    path = _archive(state).path(picture_id)
    etag = f'"{picture_id}"'
    headers = {"ETag": etag, "Cache-Control": _FOR_EVER, "Accept-Ranges": "bytes"}
    if _matches(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    size = path.stat().st_size
    # A range of another file than the client thinks would be worse than the whole of this one.
    wanted = parse_range(range_, size) if if_range in (None, etag) else None
    if wanted is not None:
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    return FileInPieces(
        path,
        range(size) if wanted is None else wanted,
        seconds=state.settings.request_timeout_seconds,
        media_type=BLADE,
        status_code=200 if wanted is None else 206,
        headers=headers,
    )


@router.get(
    "/{picture_id}",
    summary="A kept picture, decoded",
    response_class=Response,
    responses={
        200: pictures("The picture or the region asked for.", DecompressReport),
        **_NOT_MODIFIED,
        **job_problems(404),
    },
)
async def kept_picture(
    request: Request,
    picture_id: PictureId,
    query: DecompressQuery,
    state: StateDep,
    _: PlaceDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Decode a kept picture or a region of it."""
    path = _archive(state).path(picture_id)
    etag = _picture_etag(picture_id, query)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if _matches(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    async with deadline(state.settings.request_timeout_seconds):
        parts: list[bytes | bytearray] = [await asyncio.to_thread(path.read_bytes)]
        task = Decompress(query.options(), query.format)
        outcome = await run_for_client(request, state.jobs, task, parts)
    return picture_answer(outcome, state, headers)


def _archive(state: ServiceState) -> Archive:
    if state.archive is None:
        raise NotFound("this service is set up without an archive")
    return state.archive


def _picture_etag(picture_id: str, query: DecompressParameters) -> str:
    # Weak: a lossy pixel may differ by a level between devices.
    region = (query.region or "full").replace(",", "-")
    shown = f"{region}-{'roi' if query.roi_only else 'all'}-{query.format}"
    return f'W/"{picture_id}-{shown}-{__version__}"'


def _matches(if_none_match: str | None, etag: str) -> bool:
    """Compare weakly, as If-None-Match is to be compared."""
    if if_none_match is None:
        return False
    given = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in given or etag.removeprefix("W/") in given
