"""A first run: a photograph through a real service and back (``python -m service.cli.demo``).

Starts the service, has it find the blade in a photograph, sends it the photograph with a mask over
HTTP, once a profile, decodes the answers the same way, measures what came back, leaves everything
in a folder, and stops the service.
"""

import argparse
import http.client
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from service.cli.distortion import psnr
from service.cli.layers import bytes_by_layer
from service.cli.local_service import ServiceError, local_service, open_url
from service.cli.posting import ANSWER_SECONDS, multipart, post
from service.cli.side_by_side import side_by_side
from service.codec.profiles import CHAINS, PROFILES, Profile
from service.errors import BladestreamError
from service.pictures import Limits, read_mask, read_picture
from service.settings import get_settings


@dataclass(frozen=True)
class Trip:
    """A photograph there and back: the file, the decoded picture, and what the service told."""

    stream: bytes
    png: bytes
    decoded: NDArray[np.uint8]
    inspected: dict[str, Any]
    compress_seconds: dict[str, float]
    decompress_seconds: dict[str, float]


def demo(photo: Path, mask: Path, out: Path) -> None:
    """Send one photograph through a service and back, and show what became of it.

    Parameters
    ----------
    photo, mask : Path
        The photograph, and its blade in white on black.
    out : Path
        Folder for the results; made if it is not there.

    Raises
    ------
    ServiceError
        When the service fails at any step.
    BladestreamError, OSError
        When a file cannot be read or written.
    """
    out.mkdir(parents=True, exist_ok=True)
    limits = Limits.from_settings(get_settings())
    photo_bytes, mask_bytes = photo.read_bytes(), mask.read_bytes()
    original = read_picture(photo_bytes, limits=limits).pixels
    blade = read_mask(mask_bytes, width=original.shape[1], height=original.shape[0], limits=limits)
    form = multipart({"image": photo_bytes, "mask": mask_bytes})
    with local_service(out / "service.log") as url:
        finds_blade = _told(f"{url}/healthz")["worker"]["zoo"].get("segmentation") is True
        if finds_blade:
            found_png, segment_seconds = post(f"{url}/segment", photo_bytes, accept="image/png")
            marked, _ = post(f"{url}/segment", photo_bytes, accept="image/jpeg")
        known = {model["name"] for model in _told(f"{url}/models")["models"]}
        missing = {name: _missing(name, known) for name in PROFILES}
        trips = {name: _trip(url, name, form, limits) for name in PROFILES if not missing[name]}

    for profile, trip in trips.items():
        stem = photo.stem if profile == "default" else f"{photo.stem}.{profile}"
        (out / f"{stem}.blade").write_bytes(trip.stream)
        (out / f"{stem}.decoded.png").write_bytes(trip.png)
        side_by_side(original, trip.decoded).save(out / f"{stem}.side-by-side.png")
    print(f"{photo.name}, {original.shape[1]}x{original.shape[0]}, {len(photo_bytes):,} bytes in")
    Console().print(_table(trips, original, blade))
    if finds_blade:
        (out / f"{photo.stem}.mask.png").write_bytes(found_png)
        (out / f"{photo.stem}.overlay.jpg").write_bytes(marked)
        found = read_mask(found_png, width=blade.shape[1], height=blade.shape[0], limits=limits)
        print(f"blade found: {found.mean():.1%} of the pixels; drawn by hand: {blade.mean():.1%}")
        _print_seconds("segment", segment_seconds)
    else:
        print("this service has no model that finds the blade: the mask is the one drawn by hand")
    for profile, trip in trips.items():
        _print_seconds(f"{profile}, compress", trip.compress_seconds)
        _print_seconds(f"{profile}, decompress", trip.decompress_seconds)
    for profile, names in missing.items():
        if names:
            print(f"{profile} is left out: this service has no {' and no '.join(names)}")
    print(f"results in {out}/: " + ", ".join(sorted(path.name for path in out.iterdir())))


def _told(url: str) -> dict[str, Any]:
    with open_url(url, timeout=ANSWER_SECONDS) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def _missing(profile: Profile, known: set[str]) -> list[str]:
    """Models that a profile needs and that the service does not have."""
    chain = CHAINS[profile]
    return [name for name in (chain.model, chain.lossless_model) if name and name not in known]


def _trip(url: str, profile: Profile, form: tuple[bytes, str], limits: Limits) -> Trip:
    stream, compress_seconds = post(f"{url}/compress?profile={profile}", *form)
    inspected, _ = post(f"{url}/inspect", stream)
    png, decompress_seconds = post(f"{url}/decompress?format=png", stream)
    decoded = read_picture(png, limits=limits).pixels
    told = json.loads(inspected)
    return Trip(stream, png, decoded, told, compress_seconds, decompress_seconds)


def _table(
    trips: Mapping[Profile, Trip], original: NDArray[np.uint8], blade: NDArray[np.bool_]
) -> Table:
    """One column a profile: models, bytes by layer, bits, PSNR, seconds."""
    table = Table()
    table.add_column("profile")
    columns = {profile: _figures(trip, original, blade) for profile, trip in trips.items()}
    for profile in columns:
        table.add_column(profile, justify="right")
    for name in columns["default"]:
        table.add_row(name, *(figures[name] for figures in columns.values()))
    return table


def _figures(trip: Trip, original: NDArray[np.uint8], blade: NDArray[np.bool_]) -> dict[str, str]:
    """What one column of the table says, by row."""
    told, exact = trip.inspected, trip.inspected["lossless"]
    models = "\n".join(f"{model['name']}/{model['version']}" for model in told["models"])
    figures = {"models": models, "bytes out": f"{len(trip.stream):,}"}
    for layer, size in bytes_by_layer(told).items():
        figures[f"  {layer}"] = f"{size:,}"
    figures["bits a pixel"] = f"{told['bpp']:.3f}"
    if exact:
        figures["bits a blade pixel"] = f"{exact['blade_bpp']:.3f}"
        figures["bytes lent to the blade"] = f"{exact['lent_bytes']:,}"
    for name, area in (("whole", None), ("blade", blade), ("background", ~blade)):
        value = psnr(original, trip.decoded, area)
        figures[f"PSNR, {name}"] = "equal" if value is None else f"{value:.2f} dB"
    figures["seconds to compress"] = f"{trip.compress_seconds['total']:.2f}"
    figures["seconds to decompress"] = f"{trip.decompress_seconds['total']:.2f}"
    return figures


def _print_seconds(verb: str, seconds: dict[str, float]) -> None:
    print(f"{verb}: " + ", ".join(f"{stage} {value:.3f} s" for stage, value in seconds.items()))


def main() -> None:
    """Read the command line, run, and leave with 0, or with 1 and the reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("mask", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out"))
    arguments = parser.parse_args()
    try:
        demo(arguments.photo, arguments.mask, arguments.out)
    except BladestreamError as error:
        sys.exit(f"bladestream: {error.detail} ({error.code})")
    except (ServiceError, OSError, http.client.HTTPException) as error:
        log = arguments.out / "service.log"
        sys.exit(f"bladestream: {error} (the service's log is {log})")


if __name__ == "__main__":
    main()
