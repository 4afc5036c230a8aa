"""Matchers that a newcomer would write: they tell how hard the data are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pipeline.clustering.normalised import StoredReport
from pipeline.identity.account import bank_of, number_of, one_edit_neighbours


def exact_account(reports: Mapping[str, StoredReport]) -> dict[str, str]:
    """Join reports that name the same account."""
    return _joined(reports, lambda report: _kinds(report, ("account",)))


def exact_identifiers(reports: Mapping[str, StoredReport]) -> dict[str, str]:
    """Join reports that share any account, phone or handle, in single links."""
    return _joined(reports, lambda report: _kinds(report, ("account", "phone", "handle")))


def one_edit_account(reports: Mapping[str, StoredReport]) -> dict[str, str]:
    """Join reports whose accounts are the same or one edit apart, with no other evidence."""
    known = {key for report in reports.values() for key in _kinds(report, ("account",))}
    roots = _Roots()
    for key in sorted(known):
        bank = bank_of(key)
        for neighbour in one_edit_neighbours(number_of(key)):
            other = f"account:{bank}:{neighbour}"
            if other in known:
                roots.join(key, other)
    return _joined(reports, lambda report: _kinds(report, ("account",)), roots)


BASELINES: dict[str, Callable[[Mapping[str, StoredReport]], dict[str, str]]] = {
    "same account": exact_account,
    "same account, phone or handle": exact_identifiers,
    "account within one edit": one_edit_account,
}


def _kinds(report: StoredReport, kinds: tuple[str, ...]) -> list[str]:
    return [key for key in report.identifiers if key.split(":", 1)[0] in kinds]


class _Roots:
    """Union-find over anything."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def of(self, key: str) -> str:
        while self._parent.setdefault(key, key) != key:
            self._parent[key] = self._parent[self._parent[key]]
            key = self._parent[key]
        return key

    def join(self, a: str, b: str) -> None:
        self._parent[self.of(a)] = self.of(b)


def _joined(
    reports: Mapping[str, StoredReport],
    links: Callable[[StoredReport], Iterable[str]],
    roots: _Roots | None = None,
) -> dict[str, str]:
    found = roots or _Roots()
    for key, report in reports.items():
        for link in links(report):
            found.join(f"report {key}", link)
    return {key: found.of(f"report {key}") for key in reports}
