"""Where figures were taken: processor, versions, command; no date, no paths."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import service

PACKAGES = ("numpy", "onnxruntime", "onnxruntime-gpu", "pillow", "scipy", "constriction")


def processor() -> str:
    """Name of the CPU, as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def machine() -> dict[str, object]:
    """Processor and cores that this process may use, JSON-able."""
    return {"processor": processor(), "cores": len(os.sched_getaffinity(0))}


def versions() -> dict[str, str]:
    """Versions of what the figures depend on, by package; those that are installed."""
    found = {"bladestream": service.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def shown(path: Path) -> str:
    """A path as a command in a document names it: from here, or by its last part alone."""
    path = path.resolve()
    here = Path.cwd().resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else path.name
