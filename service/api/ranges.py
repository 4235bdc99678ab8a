"""One byte range of a file, as RFC 9110 section 14 has it."""

from __future__ import annotations

import re

from service.errors import BladestreamError

_RANGE = re.compile(r"bytes=\s*(\d{0,15})-(\d{0,15})\s*", re.IGNORECASE)


class RangeNotSatisfiable(BladestreamError):  # noqa: N818 - as the rest of the family
    """The range lies behind the end of the file; extra: ``size``."""

    code = "range-not-satisfiable"
    status = 416
    title = "The range is not in the file"


def parse_range(header: str | None, size: int) -> range | None:
    """Read a ``Range`` header.

    Parameters
    ----------
    header
        Its value, none if there was no such header.
    size
        Bytes in the file.

    Returns
    -------
    range or None
        Positions of the bytes asked for; none for the whole file, which is also the answer to
        several ranges at once, to other units and to what is malformed (all are allowed).

    Raises
    ------
    RangeNotSatisfiable
        The range holds no byte of the file.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        asked = range(max(0, size - int(last)), size)
    elif last == "" or int(last) >= int(first):
        asked = range(int(first), min(size, int(last) + 1 if last else size))
    else:
        return None
    if not asked:
        raise RangeNotSatisfiable(f"the file has {size} bytes", size=size)
    return asked
