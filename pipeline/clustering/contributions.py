"""Adding a report to the state and taking it back: every row that it moves, and who is touched."""

from __future__ import annotations

from pipeline.clustering.candidates import Candidates
from pipeline.clustering.edges import Edges
from pipeline.clustering.nodes import Nodes
from pipeline.clustering.normalised import StoredReport


class Contributions:
    """Moves a report's rows, and says which identifiers to look at again."""

    def __init__(self, nodes: Nodes, edges: Edges, candidates: Candidates) -> None:
        self._nodes = nodes
        self._edges = edges
        self._candidates = candidates

    def replace(self, old: StoredReport | None, new: StoredReport | None) -> set[str]:
        """Let ``new`` stand in place of ``old``; return every identifier to look at again."""
        named = {key for report in (old, new) if report for key in report.identifiers}
        hubs_before = self._hubs(named)
        former: set[str] = set()
        if old is not None:
            former = self._take_back(old)
        if new is not None:
            self._add(new)
        turned = sorted(hubs_before ^ self._hubs(named))
        touched = named | former
        for hub in turned:
            # At its threshold a public number has as many neighbours as the limit, no more.
            touched.update(other for other, _ in self._edges.together(hub))
            if hub.startswith("account:"):
                touched.update(other for other, _ in self._candidates.of(hub))
        return touched | self._edges.weigh_look_alikes(touched)

    def _hubs(self, named: set[str]) -> set[str]:
        summaries = ((node, self._nodes.summary(node)) for node in named)
        return {node for node, s in summaries if s is not None and self._edges.is_hub(node, s)}

    def _add(self, report: StoredReport) -> None:
        nodes, candidates = self._nodes, self._candidates
        for node in report.identifiers:
            is_account = node.startswith("account:")
            summary = nodes.count(node, report, 1)
            if is_account and summary.reports == 1:
                candidates.appear(node)
            voices = nodes.count_voice(node, report, 1, summary)
            nodes.write(node, summary)
            if is_account and voices:
                candidates.count_voice(node, report.voice, voices)
        nodes.count_names(report, 1)
        for place in range(len(report.payments)):
            candidates.count_payment(report, place, 1)
            nodes.mark_payment(report, place, 1)
        self._count_pairs(report, 1)

    def _take_back(self, report: StoredReport) -> set[str]:
        """Subtract a report; return the look-alikes of accounts that nobody names any more."""
        nodes, candidates = self._nodes, self._candidates
        self._count_pairs(report, -1)
        for place in range(len(report.payments)):
            nodes.mark_payment(report, place, -1)
            candidates.count_payment(report, place, -1)
        nodes.count_names(report, -1)
        former: set[str] = set()
        for node in report.identifiers:
            is_account = node.startswith("account:")
            summary = nodes.count(node, report, -1)
            voices = nodes.count_voice(node, report, -1, summary)
            nodes.write(node, summary)
            if is_account and voices:
                candidates.count_voice(node, report.voice, voices)
            if is_account and not summary.reports:
                former.update(candidates.vanish(node))
        return former

    def _count_pairs(self, report: StoredReport, by: int) -> None:
        for node, change in self._edges.count(report, by).items():
            summary = self._nodes.summary(node)
            if summary is not None:
                summary.degree += change
                self._nodes.write(node, summary)
