"""Files in, files out: an output file appears whole or not at all."""

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import BadParameter

if TYPE_CHECKING:
    from service.pictures import Limits

STREAM = Path("-")


def read_input(path: Path, limits: "Limits") -> bytes:
    """Read a file, or standard input for ``-``.

    Parameters
    ----------
    path : Path
        What to read.
    limits : service.pictures.Limits
        Its ``max_bytes`` is the most that is taken in.

    Returns
    -------
    bytes
        The whole content.

    Raises
    ------
    OSError
        When the file cannot be read.
    service.errors.PictureTooLarge
        When there are more bytes; no more than one beyond the limit was read.
    """
    if path == STREAM:
        data = sys.stdin.buffer.read(limits.max_bytes + 1)
    else:
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    limits.check_bytes(len(data))
    return data


def check_output(output: Path, *inputs: Path) -> None:
    """Refuse an output path before the work starts, not after.

    Parameters
    ----------
    output : Path
        Where the result is to go; ``-`` is standard output.
    *inputs : Path
        Files that must not be overwritten.

    Raises
    ------
    BadParameter
        When the output is one of the inputs.
    OSError
        When the output's folder does not exist or is no folder.
    """
    if output == STREAM:
        return
    for path in inputs:
        if path != STREAM and output.exists() and path.exists() and output.samefile(path):
            raise BadParameter(f"{output} is also an input, and would be overwritten")
    if output.is_dir():
        raise BadParameter(f"{output} is a folder")
    folder = output.parent
    if not folder.is_dir():
        raise FileNotFoundError(2, "No such folder", str(folder))


def write_output(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, then rename it into place; ``-`` is standard output.

    A reader of `path` sees the former file or the new one, never a part, and a failure leaves
    nothing behind.

    Parameters
    ----------
    path : Path
        The output. A symbolic link is followed and stays a link.
    data : bytes
        The whole content.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    if path == STREAM:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    target = path.resolve()
    beside = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    try:
        # "x": a name that somebody else planted is an error, not a file to write through.
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
