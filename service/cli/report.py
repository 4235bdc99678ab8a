"""What a verb tells about its work: one JSON object for machines, or a few lines for people."""

import json
import sys
from collections.abc import Mapping
from typing import Any


def print_json(report: Mapping[str, Any]) -> None:
    """Print one JSON object, and nothing else, on stdout.

    Parameters
    ----------
    report : mapping
        JSON-able; NaN and infinity are refused, since JSON has no sign for them.
    """
    print(json.dumps(report, allow_nan=False))


def warn(text: str) -> None:
    """Print a warning on stderr, in the form of the error line.

    Parameters
    ----------
    text : str
        One sentence.
    """
    print(f"bladestream: warning: {text}", file=sys.stderr)


def with_file_stages(codec: Mapping[str, float], *, read: float, write: float) -> dict[str, float]:
    """Put the time for files around the codec's stages.

    Parameters
    ----------
    codec : mapping of str to float
        Seconds by stage as the codec reports them, with their ``total``.
    read, write : float
        Seconds for the input and the output file, formats included.

    Returns
    -------
    dict of str to float
        Seconds by stage in the order of work, then ``total``.
    """
    stages = {stage: value for stage, value in codec.items() if stage != "total"}
    seconds = {"read": read, **stages, "write": write}
    return {**seconds, "total": sum(seconds.values())}


def models_line(report: Mapping[str, Any]) -> str:
    """Name the models of a codec's report, such as ``models lite/1 and pyramid/1``."""
    names = [report[key] for key in ("model", "lossless_model") if report.get(key)]
    return f"model{'s' if len(names) > 1 else ''} {' and '.join(names)}"


def seconds_line(seconds: Mapping[str, float]) -> str:
    """Write the time of each stage in one line.

    Parameters
    ----------
    seconds : mapping of str to float
        Seconds by stage, in order.

    Returns
    -------
    str
        Such as ``read 0.10 s, entropy 1.20 s``.
    """
    return ", ".join(f"{stage} {value:.2f} s" for stage, value in seconds.items())
