"""The key for national IDs that the local cluster makes for itself."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from agents.settings import HASH_KEY_BYTES


def local_key_file(data_dir: Path) -> Path:
    """Return the key's file in ``data_dir``, made at the first call and readable by us alone."""
    path = data_dir / "national-id.key"
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(HASH_KEY_BYTES))
    return path
