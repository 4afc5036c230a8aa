"""How workers' metrics and health are asked for."""

from __future__ import annotations

import urllib.request
from typing import Final

DIRECTLY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Workers are in our own network, whatever proxy the environment names for the world outside."""
