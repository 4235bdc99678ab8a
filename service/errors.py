"""One family of errors: what went wrong, as code, HTTP status and exit status.

Everything the service refuses, it refuses with one of these. The API answers them as RFC 9457
problems, the command line prints them; neither needs to know which module raised them.
"""

# The names say what happened, as the problem's code does; each would only grow by "Error".
# ruff: noqa: N818

from __future__ import annotations

from typing import ClassVar, Self


class BladestreamError(Exception):
    """Base of the family; never raised itself.

    Parameters
    ----------
    detail
        One sentence for the person who sent the request: what is wrong and what would help.
    **extra
        Members for machines (anything ``json.dumps`` takes), such as ``minimum_bytes``.

    Attributes
    ----------
    code
        Stable name in kebab-case; part of the API.
    status
        HTTP status.
    exit_status
        What the command line exits with: 1 for bad input, 2 for wrong usage.
    title
        What the code means, the same for every occurrence.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_status: ClassVar[int] = 1
    title: ClassVar[str] = "The request failed"

    def __init__(self, detail: str, /, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra: dict[str, object] = extra

    def __reduce__(
        self,
    ) -> tuple[object, tuple[type[Self], str, dict[str, object]]]:
        # BaseException pickles positional arguments only and would drop `extra` on its way
        # from the worker process to the one that answers.
        return _rebuild, (type(self), self.detail, self.extra)


def _rebuild(
    kind: type[BladestreamError], detail: str, extra: dict[str, object]
) -> BladestreamError:
    return kind(detail, **extra)


class BadParameter(BladestreamError):
    """A parameter or setting is out of range, not a number, or contradicts another."""

    code = "bad-parameter"
    status = 422
    exit_status = 2
    title = "A parameter is not acceptable"


class BadPicture(BladestreamError):
    """The picture's file is truncated or damaged and cannot be decoded."""

    code = "bad-picture"
    status = 422
    title = "The picture cannot be decoded"


class UnsupportedPicture(BladestreamError):
    """The bytes are of no known picture format, or of a kind not taken (an animation)."""

    code = "unsupported-picture"
    status = 415
    title = "This kind of picture is not supported"


class PictureTooLarge(BladestreamError):
    """More bytes, pixels or pixels a side than the limits allow; extra: ``limit``."""

    code = "picture-too-large"
    status = 413
    title = "The picture is too large"


class LossyConversion(BladestreamError):
    """Reading the picture as 8-bit RGB or grey would lose values, and nobody allowed it."""

    code = "conversion-refused"
    status = 422
    title = "The picture would lose values"


class BadMask(BladestreamError):
    """The mask cannot be decoded or is not of the picture's size."""

    code = "bad-mask"
    status = 422
    title = "The mask is not acceptable"


class BadStream(BladestreamError):
    """Not a .blade file, or one that is truncated, damaged or inconsistent beyond use."""

    code = "bad-stream"
    status = 422
    title = "The bitstream cannot be read"


class UnsupportedStream(BladestreamError):
    """A .blade file of a newer version, or with a critical chunk this version doesn't know."""

    code = "unsupported-stream"
    status = 422
    title = "The bitstream is of a kind this version cannot read"


class DamagedStream(BladestreamError):
    """Part of the bitstream is damaged and the request was strict; extra: ``patches``."""

    code = "damaged-stream"
    status = 422
    title = "Part of the bitstream is damaged"


class UnknownModel(BladestreamError):
    """The model named, or the digest in the bitstream, is not in the zoo; extra: ``digest``."""

    code = "unknown-model"
    status = 422
    title = "The model is not known"


class ModelUnavailable(BladestreamError):
    """A model cannot be used here: it failed its known answers, or what needs it is not set up."""

    code = "model-unavailable"
    status = 503
    title = "The model cannot be used"


class TargetUnreachable(BladestreamError):
    """The file cannot be made as small as asked; extra: ``minimum_bytes``."""

    code = "target-unreachable"
    status = 422
    title = "The target size cannot be reached"


class Busy(BladestreamError):
    """The queue is full; extra: ``retry_after_seconds``."""

    code = "busy"
    status = 503
    title = "The service is busy"


class DeadlineExceeded(BladestreamError):
    """The work took longer than a request may."""

    code = "deadline-exceeded"
    status = 504
    title = "The request took too long"


class Cancelled(BladestreamError):
    """Whoever asked has gone; the work was dropped."""

    code = "cancelled"
    status = 499
    title = "The request was cancelled"


class Unauthorised(BladestreamError):
    """The request carries no valid key."""

    code = "unauthorised"
    status = 401
    title = "A valid key is required"


class NotFound(BladestreamError):
    """No such picture or resource."""

    code = "not-found"
    status = 404
    title = "Not found"


class NotAcceptable(BladestreamError):
    """None of the media types that the client accepts can be answered; extra: ``available``."""

    code = "not-acceptable"
    status = 406
    title = "No acceptable kind of answer"


class WorkerFailed(BladestreamError):
    """The process that codes ended or failed in a way nobody foresaw."""

    code = "worker-failed"
    status = 500
    title = "The worker failed"
