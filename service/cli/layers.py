"""Where the bytes of a ``.blade`` file went, layer by layer."""

from collections.abc import Mapping
from typing import Any

LAYERS = ("background", "upper levels", "below the exact blade", "blade", "index and the rest")


def bytes_by_layer(inspected: Mapping[str, Any]) -> dict[str, int]:
    """Sum up what ``inspect`` found.

    Streams that the background lent count as background, wherever they stand; filler counts as
    blade.

    Parameters
    ----------
    inspected : mapping
        As ``service.codec.inspection.inspect`` or POST /inspect answer it.

    Returns
    -------
    dict of str to int
        Bytes by each of ``LAYERS``, in their order; together they are the file.
    """
    patches, exact = inspected["patches"], inspected["lossless"]
    of_blade_patches = patches["blade"]["bytes"]
    lossy_blade = of_blade_patches if inspected["mode"] == "lossy" else 0
    layers = {
        "background": patches["background"]["bytes"],
        "upper levels": inspected["chunks"].get("levels", 0),
        "below the exact blade": of_blade_patches - lossy_blade,
        "blade": lossy_blade + (exact["bytes"] if exact else 0),
    }
    return {**layers, "index and the rest": inspected["bytes"] - sum(layers.values())}
