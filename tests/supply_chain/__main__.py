"""``make audit``: what we ship and run, looked at; exit code 1 when something is not right.

Hashes and licences (as in ``make test``); wheel and sdist, built twice, are the same bytes; the
wheel installs with pip alone and runs; the list of parts (SBOM, CycloneDX); known weaknesses
(pip-audit, which asks PyPI).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

from tests.supply_chain.licences import TOP

PIP_AUDIT = "pip-audit==2.10.1"
SBOM = TOP / "dist" / "freezeline.cdx.json"
_MOMENT = "1767225600"
"""The time that built files bear: a build has none of its own."""


class Fault(Exception):
    """Something is not right; the message says what."""


def main() -> int:
    """Take every step, say what came of it, and return the exit code."""
    steps: list[tuple[str, Callable[[], str]]] = [
        ("hashes and licences", _hashes_and_licences),
        ("reproducible build", _reproducible_build),
        ("list of parts", _list_of_parts),
        ("known weaknesses", _known_weaknesses),
    ]
    faults = 0
    for name, step in steps:
        try:
            print(f"ok     {name}: {step()}", flush=True)
        except Fault as fault:
            faults += 1
            print(f"FAULT  {name}: {fault}", flush=True)
    return int(faults > 0)


def _hashes_and_licences() -> str:
    _run(sys.executable, "-m", "pytest", "-q", "tests/supply_chain")
    return "every locked file has its hash, every licence is on the list"


def _reproducible_build() -> str:
    with tempfile.TemporaryDirectory() as folder:
        built = [_build(Path(folder) / str(number)) for number in (1, 2)]
        if built[0] != built[1]:
            raise Fault("two builds differ")
        (wheel,) = (Path(folder) / "1").glob("*.whl")
        _installs(wheel, Path(folder) / "venv")
    return f"{', '.join(sorted(built[0]))}: the same bytes twice, and pip installs them"


def _build(folder: Path) -> dict[str, str]:
    _run("uv", "build", "--quiet", "--out-dir", str(folder), SOURCE_DATE_EPOCH=_MOMENT)
    files = [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _installs(wheel: Path, folder: Path) -> None:
    venv.create(folder, with_pip=True)
    _run(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", str(wheel))
    said = _run(str(folder / "bin" / "freezeline"), "topics", "show")
    if "freeze-alerts" not in said:
        raise Fault("what pip installed does not know its topics")


def _list_of_parts() -> str:
    SBOM.parent.mkdir(exist_ok=True)
    _run(
        "uv",
        "export",
        "--quiet",
        "--frozen",
        "--no-dev",
        "--extra=otel",
        "--format=cyclonedx1.5",
        f"-o{SBOM}",
    )
    return str(SBOM.relative_to(TOP))


def _known_weaknesses() -> str:
    with tempfile.TemporaryDirectory() as folder:
        needed = Path(folder) / "requirements.txt"
        _run(
            "uv",
            "export",
            "--quiet",
            "--frozen",
            "--no-dev",
            "--extra=otel",
            "--no-emit-project",
            f"-o{needed}",
        )
        # Strict: a package that PyPI says nothing of is a fault, not a line that nobody reads.
        _run("uv", "tool", "run", PIP_AUDIT, "--strict", "--disable-pip", "-r", str(needed))
    return "none"


def _run(*command: str, **environment: str) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=TOP,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise Fault(f"{command[0]} is not on this machine") from error
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["it said nothing"]
        raise Fault(f"`{' '.join(command[:4])} …` failed: {lines[-1]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
