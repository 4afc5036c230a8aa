"""What reports name, as the matcher reads it: for saying why, and for simpler matchers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.clustering.normalised import StoredReport, normalise_report
from pipeline.contracts.codec import milliseconds
from pipeline.contracts.invalid import InvalidEvent
from pipeline.contracts.reports import decode_report
from pipeline.policy.policy import Policy

Told = Mapping[str, tuple[str, ...]]
"""The canonical identifiers of each report by its key."""


def newest_reports(events: Iterable[bytes], policy: Policy) -> dict[str, StoredReport]:
    """Return the newest word of each report that still speaks, by its key; bad events are left out.

    Read by the product's own normalisers: what differs afterwards is matching alone.
    """
    newest: dict[str, StoredReport] = {}
    for value in events:
        try:
            report = decode_report(value)
            stored = normalise_report(report, milliseconds(report.received_at), policy)
        except InvalidEvent:
            continue
        before = newest.get(stored.key)
        if before is None or before.rank < stored.rank:
            newest[stored.key] = stored
    return {key: stored for key, stored in newest.items() if not stored.withdrawn}


def identifiers_told(reports: Mapping[str, StoredReport]) -> Told:
    """Return what each report names."""
    return {key: stored.identifiers for key, stored in reports.items()}
