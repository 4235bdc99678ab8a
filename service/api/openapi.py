"""The API's description as a file: ``python -m service.api.openapi [--check] PATH``."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path

from service.api.app import create_app
from service.settings import Settings


def document() -> str:
    """Write the OpenAPI document as JSON text; it does not depend on the environment."""
    app = create_app(Settings.model_construct())
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file, or check that it is up to date.

    Returns
    -------
    int
        Exit status: 1 if ``--check`` found a difference, which is printed.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    path: Path = arguments.path
    if not arguments.check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document())
        return 0
    kept = path.read_text().splitlines() if path.exists() else []
    difference = list(
        difflib.unified_diff(kept, document().splitlines(), str(path), "generated", lineterm="")
    )
    print("\n".join(difference), end="\n" if difference else "")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
