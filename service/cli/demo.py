"""A first run: a photograph through a real service and back (``python -m service.cli.demo``).

Starts the service, has it find the blade in a photograph, sends it the photograph with a mask over
HTTP, decodes the answer the same way, measures what came back, leaves everything in a folder, and
stops the service.
"""

import argparse
import http.client
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from service.cli.distortion import psnr
from service.cli.local_service import ServiceError, local_service, open_url
from service.cli.side_by_side import side_by_side
from service.errors import BladestreamError
from service.pictures import Limits, read_mask, read_picture
from service.settings import get_settings

_ANSWER_SECONDS = 120.0
_OCTETS = "application/octet-stream"


def multipart(parts: dict[str, bytes]) -> tuple[bytes, str]:
    """Pack files as the body of a form.

    Parameters
    ----------
    parts : dict of str to bytes
        Content by field name.

    Returns
    -------
    body : bytes
        The form.
    content_type : str
        Value of the Content-Type header.
    """
    # A random boundary: 128 bits that occur in no photograph.
    boundary = uuid.uuid4().hex
    chunks = []
    for name, content in parts.items():
        disposition = f'Content-Disposition: form-data; name="{name}"; filename="{name}"'
        head = f"--{boundary}\r\n{disposition}\r\nContent-Type: application/octet-stream\r\n\r\n"
        chunks += [head.encode(), content, b"\r\n"]
    chunks.append(f"--{boundary}--\r\n".encode())
    return b"".join(chunks), f"multipart/form-data; boundary={boundary}"


def server_timing(header: str | None) -> dict[str, float]:
    """Read the stages of a Server-Timing header.

    Parameters
    ----------
    header : str or None
        Such as ``read;dur=12.5, entropy;dur=80``; durations in milliseconds.

    Returns
    -------
    dict of str to float
        Seconds by stage.
    """
    seconds = {}
    for entry in (header or "").split(","):
        name, *parameters = (part.strip() for part in entry.split(";"))
        for parameter in parameters:
            if parameter.startswith("dur="):
                seconds[name] = float(parameter[4:]) / 1000
    return seconds


def _post(
    url: str, body: bytes, content_type: str, accept: str = "*/*"
) -> tuple[bytes, dict[str, float]]:
    """Send a body; answer the response's body and its seconds by stage, the whole trip last."""
    headers = {"Content-Type": content_type, "Accept": accept}
    request = urllib.request.Request(  # noqa: S310 - http to 127.0.0.1, built here
        url, data=body, headers=headers, method="POST"
    )
    started = time.perf_counter()
    try:
        with open_url(request, timeout=_ANSWER_SECONDS) as response:
            answer = response.read()
            stages = server_timing(response.headers.get("Server-Timing"))
    except urllib.error.HTTPError as error:
        problem = error.read().decode(errors="replace")
        raise ServiceError(f"{url} answered {error.code}: {problem}") from error
    return answer, {**stages, "round trip": time.perf_counter() - started}


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
    body, content_type = multipart({"image": photo_bytes, "mask": mask_bytes})
    with local_service(out / "service.log") as url:
        finds_blade = _finds_blade(url)
        if finds_blade:
            found_png, segment_seconds = _post(f"{url}/segment", photo_bytes, _OCTETS, "image/png")
            marked, _ = _post(f"{url}/segment", photo_bytes, _OCTETS, "image/jpeg")
        stream, compress_seconds = _post(f"{url}/compress", body, content_type)
        png, decompress_seconds = _post(f"{url}/decompress?format=png", stream, _OCTETS)
    decoded = read_picture(png, limits=limits).pixels

    (out / f"{photo.stem}.blade").write_bytes(stream)
    (out / f"{photo.stem}.decoded.png").write_bytes(png)
    side_by_side(original, decoded).save(out / f"{photo.stem}.side-by-side.png")
    _print_table(photo, original, decoded, blade, len(photo_bytes), len(stream))
    if finds_blade:
        (out / f"{photo.stem}.mask.png").write_bytes(found_png)
        (out / f"{photo.stem}.overlay.jpg").write_bytes(marked)
        found = read_mask(found_png, width=blade.shape[1], height=blade.shape[0], limits=limits)
        print(f"blade found: {found.mean():.1%} of the pixels; drawn by hand: {blade.mean():.1%}")
        _print_seconds("segment", segment_seconds)
    else:
        print("this service has no model that finds the blade: the mask is the one drawn by hand")
    _print_seconds("compress", compress_seconds)
    _print_seconds("decompress", decompress_seconds)
    print(f"results in {out}/: " + ", ".join(sorted(path.name for path in out.iterdir())))


def _finds_blade(url: str) -> bool:
    with open_url(f"{url}/healthz", timeout=_ANSWER_SECONDS) as answer:
        return json.load(answer)["worker"]["zoo"].get("segmentation") is True


def _print_table(
    photo: Path,
    original: NDArray[np.uint8],
    decoded: NDArray[np.uint8],
    blade: NDArray[np.bool_],
    bytes_in: int,
    bytes_out: int,
) -> None:
    height, width = original.shape[:2]
    table = Table(title=f"{photo.name}, {width}x{height}", show_header=False)
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_row("bytes in", f"{bytes_in:,}")
    table.add_row("bytes out", f"{bytes_out:,}")
    table.add_row("bits a pixel", f"{8 * bytes_out / (width * height):.3f}")
    for name, area in (("whole", None), ("blade", blade), ("background", ~blade)):
        value = psnr(original, decoded, area)
        table.add_row(f"PSNR, {name}", "equal" if value is None else f"{value:.2f} dB")
    Console().print(table)


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
