"""Which version of Freezeline runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def freezeline_version() -> str:
    """Return the installed version, or ``unknown`` in a plain checkout."""
    try:
        return version("freezeline")
    except PackageNotFoundError:
        return "unknown"
