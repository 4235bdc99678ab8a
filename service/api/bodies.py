"""Request bodies, read as streams under a running limit; a declared length is never trusted."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from service.errors import (
    BadParameter,
    BadPicture,
    BadStream,
    BladestreamError,
    Cancelled,
    PictureTooLarge,
    UnsupportedPicture,
)

_OCTETS = "application/octet-stream"
# What says nothing about a file: no type, and what curl claims unless it is told otherwise.
_UNTOLD = ("", _OCTETS, "application/x-www-form-urlencoded")
_MULTIPART = "multipart/form-data"
_BLADE = "application/vnd.bladestream"
_LONGEST_NAME = 200
MOST_PICTURES = 40
"""Pictures of one surface in one request."""


@dataclass(frozen=True)
class Upload:
    """The files of a request to compress; ``mask`` is none if there was no such part."""

    image: bytes | bytearray
    mask: bytes | bytearray | None

    @property
    def parts(self) -> list[bytes | bytearray]:
        """The files in the order in which the worker expects them."""
        return [self.image] if self.mask is None else [self.image, self.mask]


async def read_upload(request: Request, limit: int) -> Upload:
    """Read a picture, and perhaps its mask, from a raw or a multipart body.

    Parameters
    ----------
    limit
        Most bytes of the whole body.

    Raises
    ------
    PictureTooLarge
        The body is longer, or says that it will be.
    UnsupportedPicture
        The content type is no image, octet stream or form.
    BadParameter
        The form is malformed or has other parts than ``image`` and ``mask``.
    BadPicture
        There is no picture, or it is empty.
    Cancelled
        The client left before its body was complete.
    """
    if _picture_type(request) == _MULTIPART:
        return await _read_form(request, limit)
    return Upload(await _read(request, limit, BadPicture("the body is empty")), None)


@dataclass(frozen=True)
class NamedPicture:
    """One of several pictures; the name is the client's, and not to be trusted with a path."""

    name: str
    data: bytes | bytearray


async def read_pictures(request: Request, limit: int) -> list[NamedPicture]:
    """Read one picture from a raw body, or one or more from a form.

    Parameters
    ----------
    limit
        Most bytes of the whole body.

    Raises
    ------
    PictureTooLarge, UnsupportedPicture, BadParameter, BadPicture, Cancelled
        As `read_upload` does; every part of a form is an ``image``. An empty one among several
        is kept, to be reported like any that cannot be read.
    """
    if _picture_type(request) != _MULTIPART:
        data = await _read(request, limit, BadPicture("the body is empty"))
        return [NamedPicture("image", data)]
    hint = "(each of its parts is a file named image; all else goes into the query)"
    pictures: list[NamedPicture] = []
    for name, part in await _form_files(request, limit, MOST_PICTURES, hint):
        if name != "image":
            raise BadParameter(f"a form to segment has no part {name!r} {hint}")
        number = len(pictures) + 1
        shown = (part.filename or f"image-{number}")[:_LONGEST_NAME]
        pictures.append(NamedPicture(shown, await part.read()))
        await part.close()
    if not any(picture.data for picture in pictures):
        raise BadPicture("the form has no part image, or it is empty")
    return pictures


async def read_blade(request: Request, limit: int) -> bytearray:
    """Read a ``.blade`` file from a raw body.

    Parameters
    ----------
    limit
        Most bytes of the body.

    Raises
    ------
    PictureTooLarge, UnsupportedPicture, BadStream, Cancelled
        As `read_upload` does; an empty body is a `BadStream`.
    """
    kind = _content_type(request)
    if kind not in (*_UNTOLD, _BLADE):
        raise UnsupportedPicture(f"the content type {kind!r} is neither {_BLADE} nor {_OCTETS}")
    return await _read(request, limit, BadStream("the body is empty"))


def _picture_type(request: Request) -> str:
    kind = _content_type(request)
    if kind not in (*_UNTOLD, _MULTIPART) and not kind.startswith("image/"):
        raise UnsupportedPicture(
            f"the content type {kind!r} is neither image/*, {_OCTETS} nor {_MULTIPART}"
        )
    return kind


def _content_type(request: Request) -> str:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedPicture(f"the content encoding {encoding!r} is not taken; send it plain")
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _read(request: Request, limit: int, if_empty: BladestreamError) -> bytearray:
    body = bytearray()
    async for chunk in _limited(request, limit):
        body += chunk
    if not body:
        raise if_empty
    return body


async def _limited(request: Request, limit: int) -> AsyncGenerator[bytes]:
    too_large = PictureTooLarge(f"the body is longer than {limit} bytes", limit=limit)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    received = 0
    try:
        async for chunk in request.stream():
            received += len(chunk)
            if received > limit:
                raise too_large
            yield chunk
    except ClientDisconnect as error:
        raise Cancelled("the client left before its request was complete") from error


async def _read_form(request: Request, limit: int) -> Upload:
    hint = "(it has the file parts image and, perhaps, mask; all else goes into the query)"
    files: dict[str, bytes] = {}
    for name, part in await _form_files(request, limit, 2, hint):
        if name not in ("image", "mask") or name in files:
            raise BadParameter("a form has one part image and at most one part mask")
        files[name] = await part.read()
        await part.close()
    if not files.get("image"):
        raise BadPicture("the form has no part image, or it is empty")
    return Upload(files["image"], files.get("mask"))


async def _form_files(
    request: Request, limit: int, most: int, hint: str
) -> list[tuple[str, UploadFile]]:
    """The files of a form by the names of their parts; ``hint`` says what there may be."""
    parser = MultiPartParser(
        request.headers, _limited(request, limit), max_files=most, max_fields=0
    )
    # In memory like a raw body, which has the same limit: no temporary files.
    parser.spool_max_size = limit + 1
    try:
        form = await parser.parse()
    except (MultiPartException, UnicodeError) as error:
        # UnicodeError: the names are not of the character set that the form claims.
        why = getattr(error, "message", "its names cannot be read.")
        raise BadParameter(f"the form is not acceptable: {why} {hint}") from error
    files = [(name, part) for name, part in form.multi_items() if isinstance(part, UploadFile)]
    if len(files) != len(form.multi_items()):
        raise BadParameter(f"the form is not acceptable: it has other parts than files {hint}")
    return files
