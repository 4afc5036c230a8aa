"""Under which licences what we run stands, from the packages' own metadata."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[2]
LOCK = TOP / "uv.lock"
REGISTRY = "https://pypi.org/simple"

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "PSF-2.0",
    # Used unmodified, as a library that anyone may exchange.
    "LGPL-2.1-or-later",
    "MPL-2.0",
    # Venusian's: BSD with a clause on trademarks.
    "Repoze-Public",
}
"""What the product may be run with; a licence that is not here needs a person's decision."""

_SPDX = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD-3-Clause",
    "bsd-derived (repoze)": "Repoze-Public",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "python software foundation license": "PSF-2.0",
}
"""How packages write licences that have a shorter name."""


def locked() -> list[dict[str, Any]]:
    """Every package of the lock."""
    packages: list[dict[str, Any]] = tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]
    return packages


def run_time_packages() -> set[str]:
    """The names of all packages that the product needs to run, on any system, or brings along.

    The image has the extra ``otel``.
    """
    needed: dict[str, set[str]] = {}
    for package in locked():
        extra = package.get("optional-dependencies", {}).get("otel", [])
        parts = package.get("dependencies", []) + (extra if package["name"] == "freezeline" else [])
        needed.setdefault(package["name"], set()).update(part["name"] for part in parts)
    found, todo = set[str](), ["freezeline"]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += needed[name]
    return found - {"freezeline"}


def licence(package: str) -> str | None:
    """The package's licence as an SPDX expression, or None when it is not installed here."""
    try:
        metadata = importlib.metadata.metadata(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    expression = metadata.get("License-Expression")
    if expression:
        return expression
    said = (metadata.get("License") or "").strip()
    if said and "\n" not in said:
        return _SPDX.get(said.lower(), said)
    classifiers = metadata.get_all("Classifier") or []
    names = [c.split("::")[-1].strip() for c in classifiers if c.startswith("License ::")]
    return " AND ".join(_SPDX.get(name.lower(), name) for name in names)


def is_allowed(expression: str) -> bool:
    """Whether all licences of an expression are allowed, and one of those to choose from."""
    if not expression.strip():
        return False
    parts = re.split(r"\s+AND\s+(?![^(]*\))", expression.strip())
    if len(parts) > 1:
        return all(is_allowed(part) for part in parts)
    inner = expression.strip().removeprefix("(").removesuffix(")")
    if " AND " in inner:
        return is_allowed(inner)
    return any(choice.strip() in ALLOWED for choice in inner.split(" OR "))
