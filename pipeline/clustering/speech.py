"""What one report gives to say: clusters, levels and the end of clusters that are no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial

from pipeline.clustering.again import ties_of
from pipeline.clustering.components import REVIEW_SIZE, Component, Components, Grouping
from pipeline.clustering.levels import Cause, Levels, Telling, has_level
from pipeline.clustering.nodes import Node, Nodes
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.sayings import Sayings, anchor_of, cluster_identity, destination
from pipeline.contracts.account_log import AccountEvent


@dataclass(slots=True)
class Said:
    """What is said because of one report.

    ``of`` is the cluster (id, version) of each identifier that was worked out, ``clusters`` by
    how many there are more than before.
    """

    tellings: list[Telling] = field(default_factory=list)
    levels: list[AccountEvent] = field(default_factory=list)
    clusters: int = 0
    of: dict[str, tuple[str, int]] = field(default_factory=dict)
    waiting: Callable[[], None] | None = None
    """What works out the rest of it, where that is yet to be done."""

    def finish(self) -> None:
        """Work out what is not yet worked out."""
        if self.waiting is not None:
            self.waiting()


class Speech:
    """Works out what a report touched, and compares it with what was said."""

    def __init__(
        self,
        nodes: Nodes,
        sayings: Sayings,
        levels: Levels,
        components: Components,
        hits: Counter[tuple[str, ...]],
    ) -> None:
        self._nodes = nodes
        self._sayings = sayings
        self._levels = levels
        self._components = components
        self._hits = hits

    def about(self, touched: set[str], cause: Cause) -> Said:
        """Work out the touched components and say what differs from what was said."""
        said = self.begin(touched, cause)
        said.finish()
        return said

    def begin(self, touched: set[str], cause: Cause) -> Said:
        """As `about`, but what concerns nobody else may wait: see `Said.finish`.

        It waits until all reports of a batch are taken in, so that the processor does one thing at
        a time, or until one of its identifiers is asked for (`Nodes.of`): what is said is what the
        reports so far amount to, whenever that is worked out.
        """
        said = Said()
        report = self._components.lone_report(touched)
        if report is not None:
            named = [self._nodes.of(key) for key in report.identifiers]
            if not any(node.cluster for node in named):
                self._wait(named, said, partial(self._one_report, report, touched, cause, said))
                return said
        components = self._components.gather(touched)
        groupings = [(c, g) for c in components for g in self._components.split(c)]
        if len(groupings) == 1 and touched <= components[0].nodes.keys():
            component, grouping = groupings[0]
            anchor = anchor_of(component, grouping.members)
            nodes = component.nodes.values()
            moved = [node for node in nodes if node.cluster != anchor]
            if not {node.cluster for node in moved} - {None}:
                finish = partial(
                    self._one_cluster, component, grouping, anchor, moved, touched, cause, said
                )
                if component.ruling is not None or any(node.alike for node in nodes):
                    # A level says also what look-alikes are known by; a ruling is about others too.
                    finish()
                else:
                    self._wait(nodes, said, finish)
                return said
            looked_at = touched | self._clusters(
                set(component.nodes), components, groupings, cause, said
            )
        else:
            looked_at = touched | self._clusters(touched, components, groupings, cause, said)
        self._say_levels(looked_at, components, cause, said)
        return said

    def _wait(self, nodes: Collection[Node], said: Said, finish: Callable[[], None]) -> None:
        """Let a cluster wait of which all that is said hangs on its own identifiers alone."""

        def once() -> None:
            said.waiting = None
            for node in nodes:
                node.waiting = None
            finish()

        said.waiting = once
        for node in nodes:
            node.waiting = once

    def _one_report(
        self, report: StoredReport, touched: set[str], cause: Cause, said: Said
    ) -> None:
        """Say the cluster that one report alone makes, and that is new."""
        component, grouping = self._components.of_one_report(report)
        anchor = anchor_of(component, grouping.members)
        moved = list(component.nodes.values())
        self._one_cluster(component, grouping, anchor, moved, touched, cause, said)

    def _one_cluster(
        self,
        component: Component,
        grouping: Grouping,
        anchor: str,
        moved: list[Node],
        touched: set[str],
        cause: Cause,
        said: Said,
    ) -> None:
        """Say a cluster that is all that was touched; ``moved`` are the identifiers new in it."""
        version = self._say(component, grouping, anchor, None, cause, said)
        said.of = dict.fromkeys(grouping.members, (cluster_identity(anchor), version))
        for node in moved:
            node.cluster = anchor
            self._nodes.change(node)
        self._say_levels(touched.union([node.key for node in moved]), [component], cause, said)

    def _clusters(
        self,
        touched: set[str],
        components: list[Component],
        groupings: list[tuple[Component, Grouping]],
        cause: Cause,
        said: Said,
    ) -> set[str]:
        """Say clusters and the ends of clusters; return the identifiers in another one now."""
        # What is kept in memory must not decide which cluster is said first.
        groupings.sort(key=lambda pair: pair[1].members[0])
        new: dict[str, str] = {}
        for component, grouping in groupings:
            anchor = anchor_of(component, grouping.members)
            new.update(dict.fromkeys(grouping.members, anchor))
        gone = sorted(touched - new.keys())
        nodes = {key: self._nodes.of(key) for key in gone}
        for component in components:
            nodes.update(component.nodes)
        old = {key: node.cluster for key, node in nodes.items()}
        living = set(new.values())
        for component, grouping in groupings:
            anchor = new[grouping.members[0]]
            left = None
            if any(old[member] not in (None, anchor) for member in grouping.members):
                left = destination(old[m] for m in grouping.members if old[m] != anchor)
            split_from = cluster_identity(left) if left in living else None
            version = self._say(component, grouping, anchor, split_from, cause, said)
            cluster = cluster_identity(anchor), version
            said.of.update(dict.fromkeys(grouping.members, cluster))
        self._say_ends(old, new, cause, said)
        moved = {key for key, before in old.items() if before != new.get(key)}
        for key in moved:
            nodes[key].cluster = new.get(key)
            self._nodes.change(nodes[key])
        return moved

    def _say(
        self,
        component: Component,
        grouping: Grouping,
        anchor: str,
        split_from: str | None,
        cause: Cause,
        said: Said,
    ) -> int:
        """Say a cluster where it differs from the last; return its version."""
        if grouping.review == REVIEW_SIZE:
            self._hits["limit_hits", REVIEW_SIZE] += 1
        before = component.nodes[anchor].said
        said.clusters += before is None or not before.live
        version, tellings = self._sayings.say(component, grouping, anchor, split_from, cause)
        said.tellings += tellings
        return version

    def _say_ends(
        self, old: dict[str, str | None], new: dict[str, str], cause: Cause, said: Said
    ) -> None:
        members: dict[str, list[str]] = {}
        for node, anchor in old.items():
            if anchor is not None:
                members.setdefault(anchor, []).append(node)
        for anchor in sorted(members.keys() - set(new.values())):
            went = destination(new.get(node) for node in members[anchor])
            merged_into = cluster_identity(went) if went is not None else None
            said.tellings += self._sayings.say_empty(anchor, merged_into, cause)
            said.clusters -= 1

    def _say_levels(
        self, looked_at: set[str], components: list[Component], cause: Cause, said: Said
    ) -> None:
        for component in components:
            if component.ruling is not None:
                looked_at |= component.ruling.decided
        concerned = sorted([key for key in looked_at if has_level(key)])
        ties = ties_of(concerned, components)
        for node in concerned:
            told = self._levels.say(node, said.of.get(node, ("", 0)), ties[node], cause)
            if told is not None:
                level, entry = told
                said.levels.append(level)
                said.tellings.append(entry)
