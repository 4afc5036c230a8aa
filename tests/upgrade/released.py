"""The last released version, as a tree that workers can be started from.

That is the newest tag ``v…`` of the repository. Where there is none (nothing is released yet, or
this is no clone), it is this very tree with another format of state: then it is not what changed
in the code that is tried, but what every change of a state's format goes through.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).parents[2]
PARTS = ("agents", "pipeline", "topics.yaml")
STAND_IN_FORMAT = "as released"
_STORE = Path("agents/runtime/store.py")
_FORMAT = re.compile(r'^FORMAT = b"([^"]+)"$', re.MULTILINE)


class Released(NamedTuple):
    """A release's tree."""

    name: str
    """The tag, or what stands in for it."""
    tree: Path
    state_format: str
    """The format of state that its workers write."""

    def environment(self) -> dict[str, str]:
        """What a worker's environment needs so that it runs this release's code, and no other."""
        return {"PYTHONPATH": str(self.tree), "PYTHONSAFEPATH": "1"}


def last_released(folder: Path) -> Released:
    """Lay the last release out in ``folder``."""
    tag = _newest_tag()
    if tag is None:
        _copy_this_tree(folder)
        _change_format(folder)
        name = "this tree with another format of state"
    else:
        archive = _git("archive", "--format=tar", tag, *PARTS)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        name = tag
    return Released(name, folder, state_format(folder))


def state_format(tree: Path) -> str:
    """Return the format of state that a tree's workers write."""
    found = _FORMAT.search((tree / _STORE).read_text(encoding="utf-8"))
    assert found is not None, f"{_STORE} says its FORMAT"
    return found[1]


def _newest_tag() -> str | None:
    try:
        tags = _git("tag", "--list", "v*", "--sort=-v:refname").decode().split()
    except (OSError, subprocess.CalledProcessError):
        return None
    return tags[0] if tags else None


def _git(*arguments: str) -> bytes:
    # A folder above may be a repository of its own, which is none of our business.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(TOP.parent)}
    return subprocess.run(
        ["git", "-C", str(TOP), *arguments], check=True, capture_output=True, env=environment
    ).stdout


def _copy_this_tree(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if (TOP / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(TOP / part, folder / part, ignore=ignored)
        else:
            shutil.copy(TOP / part, folder / part)


def _change_format(tree: Path) -> None:
    store = tree / _STORE
    text = store.read_text(encoding="utf-8")
    store.write_text(_FORMAT.sub(f'FORMAT = b"{STAND_IN_FORMAT}"', text), encoding="utf-8")
