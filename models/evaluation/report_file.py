"""Reports as JSON that people can read, too."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Indented, but a list of numbers or words on one line."""
    text = json.dumps(report, indent=1)
    text = re.sub(
        r"\[\s+([^\[\]{}]*?)\s+\]", lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text
    )
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """A report as it was written."""
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report
