"""How much memory a process holds."""

from __future__ import annotations

import os
from pathlib import Path


def resident_bytes(pid: int | None) -> int:
    """Tell the resident memory of a process.

    Parameters
    ----------
    pid
        Its id; none, or one that has ended, holds nothing.

    Returns
    -------
    int
        Bytes; 0 where the system does not tell (no ``/proc``).
    """
    if pid is None:
        return 0
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
