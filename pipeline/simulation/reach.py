"""What evidence can reach: which reports a perfect matcher could put together."""

from __future__ import annotations

from pipeline.simulation.complaints import Filed


def groups_of(filed: list[Filed]) -> dict[str, str]:
    """Return the group of each report that still speaks, by its key.

    Reports of one ring are together when a chain of truly equal identifiers joins them: what the
    ring really used, as it was before anybody's mistake, in reports that were not withdrawn. A
    courier's number or a victim's own account is no identifier of the ring. False accusations are
    together when they are about the same account. A group is named after its ring and its first
    report.
    """
    parent: dict[str, str] = {}

    def root(place: str) -> str:
        while parent.setdefault(place, place) != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    speaking = [report for report in filed if not report.withdrawn]
    for report in speaking:
        for tie in report.ties:
            parent[root(f"{report.ring}|{tie}")] = root(report.key)
    first: dict[str, str] = {}
    groups: dict[str, str] = {}
    for report in speaking:
        top = root(report.key)
        groups[report.key] = first.setdefault(top, f"{report.ring or 'accused'} {report.key}")
    return groups
