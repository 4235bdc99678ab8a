"""Loops as machine code, compiled when first asked for and kept where that is possible."""

from __future__ import annotations

from threading import Lock
from typing import Any, TypeVar

_Function = TypeVar("_Function")
_LOCK = Lock()  # two threads would else compile the same


def compiled(function: _Function, signature: Any) -> _Function:
    """Compile a function of arrays and numbers for Numba's signature; it lets other threads run.

    That takes a second or two. Where the module's folder or the user's cache folder can be written
    it is kept there for later processes. Compiled code does not check its indices.
    """
    import numba  # half a second, and not every process needs it

    with _LOCK:
        try:
            found: _Function = numba.njit(signature, nogil=True, cache=True)(function)
        except (RuntimeError, OSError):  # there is no such folder, or it is full
            found = numba.njit(signature, nogil=True)(function)
    return found


def array(kind: Any, dimensions: int) -> Any:
    """Numba's type of a contiguous array that is only read."""
    from numba import types

    return types.Array(kind, dimensions, "C", readonly=True)
