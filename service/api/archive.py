"""The folder of compressed pictures. A picture's id is the SHA-256 of its file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from pathlib import Path

from service.errors import BladestreamError, NotFound

_ID = re.compile(r"[0-9a-f]{64}")


class ArchiveFailed(BladestreamError):  # noqa: N818 - as the rest of the family
    """The folder does not take the file: no space, no rights."""

    code = "archive-failed"
    status = 507
    title = "The archive cannot keep the picture"


class Archive:
    """Keeps files under the digest of their content.

    Parameters
    ----------
    folder
        Made if it does not exist.

    Raises
    ------
    ArchiveFailed
        It cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArchiveFailed(f"{folder} cannot be made: {error.strerror}") from error

    def keep(self, data: bytes) -> str:
        """Keep a file, whole or not at all, also across a loss of power.

        Returns
        -------
        str
            Its id, 64 hexadecimal digits.

        Raises
        ------
        ArchiveFailed
            The folder does not take it; nothing is left behind.
        """
        picture_id = hashlib.sha256(data).hexdigest()
        target = self._folder / f"{picture_id}.blade"
        try:
            if not target.exists():
                self._write(target, data)
        except OSError as error:
            raise ArchiveFailed(f"the file cannot be written: {error.strerror}") from error
        return picture_id

    def _write(self, target: Path, data: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
        # The name is durable only once the folder is.
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def path(self, picture_id: str) -> Path:
        """Find a kept file.

        Raises
        ------
        NotFound
            There is none of this id. What is no id is never looked up in the file system.
        """
        path = self._folder / f"{picture_id}.blade"
        if not _ID.fullmatch(picture_id) or not path.is_file():
            raise NotFound("the archive holds no picture of this id")
        return path
