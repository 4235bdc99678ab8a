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
