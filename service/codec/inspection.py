"""What a `.blade` file holds, without decoding a pixel."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from service.codec.container.parser import Blade, parse
from service.codec.container.stacks import StackEntry
from service.codec.options import QUALITY_STEPS
from service.codec.patch_mask import encode_mask
from service.runtime.zoo import Zoo


def inspect(
    data: bytes | memoryview, zoo: Zoo | None = None, *, max_pixels: int = 120_000_000
) -> dict[str, object]:
    """Describe a file, JSON-able.

    Parameters
    ----------
    data
        The file, or a prefix that holds its index.
    zoo
        Says whether the file's models are here.

    Raises
    ------
    BadStream, UnsupportedStream
        This is no file that can be read.
    """
    blade = parse(data, max_pixels=max_pixels)
    header = blade.header
    lengths = np.zeros(header.mask.shape, np.int64)
    if header.has_lossy_layer:
        lengths.flat[:] = [entry.length for entry in blade.patches]
    references = [model for model in (header.model, header.lossless_model) if model is not None]
    metadata = blade.metadata()
    return {
        "width": header.width,
        "height": header.height,
        "grey": header.grey,
        "mode": header.mode,
        "bytes": blade.declared_length,
        "bytes_present": len(blade.data),
        "bpp": round(8 * blade.declared_length / (header.width * header.height), 4),
        "models": [
            {
                "name": reference.name,
                "version": reference.version,
                "digest": reference.digest.hex(),
                "known": zoo.knows(reference.digest) if zoo is not None else None,
            }
            for reference in references
        ],
        "quality": header.quality64 / QUALITY_STEPS if header.has_lossy_layer else None,
        "roi_quality": header.roi_quality64 / QUALITY_STEPS if header.mode == "lossy" else None,
        "top_quality": header.top_quality if header.has_lossy_layer else None,
        "chunks": {
            "index": blade.index_length,
            **{label: entry.length for label, entry in blade.chunks.items()},
        },
        "patches": {
            "rows": header.patch_rows,
            "columns": header.patch_columns,
            "blade": _kind(lengths[header.mask]),
            "background": _kind(lengths[~header.mask]),
        },
        "bands": len(blade.bands),
        "lossless": _lossless(blade),
        "mask_bytes": len(encode_mask(header.mask)),
        "blade_share": round(float(header.mask.mean()), 4),
        "metadata": {
            "exif": len(metadata.exif or b""),
            "xmp": len(metadata.xmp or b""),
            "icc": len(metadata.icc or b""),
        },
        "truncated": blade.truncated,
        "damaged_chunks": blade.check_chunks(),
    }


def _lossless(blade: Blade) -> dict[str, object] | None:
    """The blade's lossless streams; None where there are none."""
    header, entries = blade.header, blade.lossless
    if not entries:
        return None
    stacks = [_stack(blade, stack) for stack in blade.stacks]
    lent = sum(stack["lent_bytes"] for stack in stacks)
    largest = max(entry.length for entry in entries.values())
    own = sum(entry.length for entry in entries.values()) - lent
    samples = sum(header.samples_in(number) for number in entries)
    pixels = samples if header.grey else samples // 3
    return {
        "count": len(entries),
        "bytes": own,
        "largest": largest,
        "raw": sum(entry.raw for entry in entries.values()),
        "jpeg": header.jpeg.label if header.jpeg is not None else None,
        "blade_pixels": pixels,
        "blade_bpp": round(8 * own / pixels, 4),
        "lent_patches": sum(len(stack["donors"]) for stack in stacks),
        "lent_bytes": lent,
        "filler_bytes": sum(stack["filler_bytes"] for stack in stacks),
        "stacks": stacks,
    }


class _Stack(TypedDict):
    patches: list[int]
    bytes: int
    donors: list[int]
    lent_bytes: int
    filler_bytes: int


def _stack(blade: Blade, entry: StackEntry) -> _Stack:
    return {
        "patches": list(entry.patches),
        "bytes": entry.length,
        "donors": list(entry.donors),
        "lent_bytes": sum(blade.patches[donor].length for donor in entry.donors),
        "filler_bytes": entry.filler,
    }


def _kind(lengths: np.ndarray[tuple[int], np.dtype[np.int64]]) -> dict[str, int]:
    return {
        "count": int(lengths.size),
        "bytes": int(lengths.sum()),
        "largest": int(lengths.max()) if lengths.size else 0,
    }
