"""Checks: CRC32C for accidents, SHA-256 for identity.

CRC32C (Castagnoli) finds flipped bits and truncation, in hardware at tens of gigabytes a second.
It says nothing about who wrote a file; neither does anything else in this format.
"""

from __future__ import annotations

import hashlib

import google_crc32c
import numpy as np
from numpy.typing import NDArray


def crc32c(data: bytes | memoryview) -> int:
    """CRC32C of bytes.

    Parameters
    ----------
    data
        Contiguous bytes; not copied.

    Returns
    -------
    int
        0 to 2**32 - 1.
    """
    # The library takes bytes and arrays but no memoryview; an array over it costs no copy.
    return int(google_crc32c.value(np.frombuffer(data, np.uint8)) if len(data) else 0)


def crc32c_of_symbols(*steps: NDArray[np.int32]) -> int:
    """CRC32C of the symbols of a stream, step after step.

    Parameters
    ----------
    *steps
        int32 arrays of any shape, read in C order as little-endian integers.

    Returns
    -------
    int
        0 to 2**32 - 1; 0 if there are no symbols.

    Raises
    ------
    TypeError
        If an array is not int32: another width would change the check.
    """
    check = 0
    for symbols in steps:
        if symbols.dtype != np.int32:
            raise TypeError(f"symbols must be int32, not {symbols.dtype}")
        if symbols.size:
            check = google_crc32c.extend(check, np.ascontiguousarray(symbols, dtype="<i4"))
    return int(check)


def sha256(data: bytes | memoryview) -> bytes:
    """SHA-256 of bytes.

    Returns
    -------
    bytes
        32 bytes.
    """
    return hashlib.sha256(data).digest()
