"""The sources of reports that are counted by name: a label may not be a text of a stranger."""

from __future__ import annotations

from typing import Final

NAMED: Final = frozenset(
    {"aoc-1441", "etda-1212", "ccib", "royal-thai-police", "meta", "amlo", "bank-fraud-desk"}
)
"""Sources that are told by name (contracts/examples/README.md); banks and telephone companies are
told together, all others as ``other``."""

OTHER: Final = "other"


def source_label(report: str) -> str:
    """Return by which label a report is counted, given its key (source/report's own number)."""
    source = report.partition("/")[0]
    if source in NAMED:
        return source
    kind = source.partition("-")[0]
    return {"bank": "banks", "telco": "telcos"}.get(kind, OTHER)
