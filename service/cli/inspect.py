"""``bladestream inspect``: what is in a ``.blade`` file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.files import read_input


def inspect(
    source: Annotated[Path, typer.Argument(metavar="IN.blade", help="Or - for stdin.")],
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """Show a file's geometry, models, and where its bytes went; no pixel is decoded."""
    from service.cli.report import print_json
    from service.codec.inspection import inspect as inspect_stream
    from service.pictures import Limits
    from service.runtime.zoo import Zoo
    from service.settings import get_settings

    settings = get_settings()
    data = read_input(source, Limits.from_settings(settings))
    report = inspect_stream(data, Zoo.open(settings), max_pixels=settings.max_pixels)
    if as_json:
        print_json(report)
    else:
        _print_lines(report)


def _print_lines(report: Mapping[str, Any], indent: str = "") -> None:
    """Print a nested mapping as indented lines."""
    for key, value in report.items():
        label = f"{indent}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            print(label)
            _print_lines(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            print(label)
            for item in value:
                print(f"{indent}  " + ", ".join(f"{k} {_plain(v)}" for k, v in item.items()))
        else:
            print(f"{label}: {_plain(value)}")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value) or "none"
    return "none" if value is None else str(value)
