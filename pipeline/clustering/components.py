"""From touched identifiers to clusters: gather a candidate component, then split it by rules.

What a component's clusters are is a function of its edges and counts alone: public
numbers join nothing; look-alikes form stars on anchors; bridges are cut; what remains is joined
strongest edge first, as long as no limit and no contradiction forbids it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain

from pipeline.clustering.bridges import (
    bridge_cuts,
    contracted,
    find,
    unite,
)
from pipeline.clustering.brigades import heard
from pipeline.clustering.confused import may_be_confused
from pipeline.clustering.contact_cuts import may_be_two_circles
from pipeline.clustering.cut_apart import cut_apart
from pipeline.clustering.decisions import SAID_NOT_SAME, Decisions, with_evidence
from pipeline.clustering.edges import Edges
from pipeline.clustering.entangled import FEW, MOST_TOGETHER, Hold
from pipeline.clustering.handles import LINE, Handles, other_form
from pipeline.clustering.joining import (
    REVIEW_SIZE,
    Component,
    Grouping,
    Joining,
    relate,
)
from pipeline.clustering.nameless import REASON_NAMELESS, is_nameless_word
from pipeline.clustering.nodes import Node, Nodes
from pipeline.clustering.normalised import IMPLYING, StoredReport
from pipeline.clustering.pairs import LOOK_ALIKE, TOGETHER, GraphEdge, order
from pipeline.clustering.parties import may_be_two_parties
from pipeline.clustering.parts import NOTHING, Support, Thresholds
from pipeline.clustering.scams import may_tell_of_two_scams
from pipeline.clustering.silences import silences_of
from pipeline.clustering.stars import namesakes, starred
from pipeline.clustering.wholes import lone_report, whole
from pipeline.identity.account import number_of
from pipeline.policy.policy import Policy

__all__ = ["REVIEW_SIZE", "Component", "Components", "Grouping"]

REASON_HUB = "public_number"
REASON_PASSING = "passing_number"
REASON_BRIDGE = "bridge"
REASON_CONFUSED = "confused_voice"
REASON_ENTANGLED = "entangled"
REASON_NAMESAKES = "namesakes"


KEPT_CUTS = 256
"""Components whose bridges are kept in memory, with the edges that they were looked for in."""

_Asked = tuple[list[str], list[Support], list[GraphEdge], dict[str, str]]


class Components:
    """Gathers components from the state and splits them into clusters."""

    def __init__(
        self,
        nodes: Nodes,
        edges: Edges,
        handles: Handles,
        decisions: Decisions,
        policy: Policy,
        hits: Counter[tuple[str, ...]],
    ) -> None:
        self._nodes = nodes
        self._edges = edges
        self._handles = handles
        self._hold = Hold(nodes, edges)
        self._decisions = decisions
        self._hits = hits
        self._rules = policy.clustering
        self._thresholds = Thresholds(
            self._rules.bridge_voices, self._rules.bridge_identifiers, self._rules.bridge_bits
        )

        self._enough = frozenset(str(place) for place in range(self._thresholds.voices + 1))
        self._kept_cuts: OrderedDict[str, tuple[_Asked, dict[int, str]]] = OrderedDict()

    def gather(self, seeds: Iterable[str]) -> list[Component]:
        """Return the components that hold the seeds (those that live), each once."""
        done: set[str] = set()
        found: list[Component] = []
        waiting = sorted(seeds)
        for node in [self._nodes.of(seed) for seed in waiting]:
            if node.step and not node.hub:
                # It may hold by another tie now, and what it held by is touched as well.
                waiting += self._edges.ties(node)
        for seed in waiting:  # more come while it goes on
            if seed in done:
                continue
            component = self._around(seed, waiting)
            if component is not None:
                done.update(component.nodes)
                found.append(component)
        return found

    def lone_report(self, touched: Collection[str]) -> StoredReport | None:
        """Return the report that alone makes the component of these, where no rule has a say."""
        if len(touched) > self._rules.cluster_limit:
            return None
        report = lone_report(list(map(self._nodes.of, touched)))
        for key in report.identifiers if report is not None else ():
            if self._decisions.concern(key) or self._handles.told_otherwise(key) is not None:
                return None
        return report

    def of_one_report(self, report: StoredReport) -> tuple[Component, Grouping]:
        """Return the component that a report alone makes, and its cluster.

        As `gather` and `split` would: most components are such.
        """
        nodes = {key: self._nodes.of(key) for key in sorted(report.identifiers)}
        component = Component(nodes, self._edges.of_one_report(report))
        return component, whole(component)

    def _around(self, seed: str, waiting: list[str]) -> Component | None:
        """Return the component around an identifier, in the first step that leaves it small.

        Whoever was in a component with one of these before joins those that are ``waiting``.
        """
        start = self._nodes.of(seed)
        if not start.living:
            return None
        for step in range(len(FEW)):
            component = self._from(start, step)
            if len(component.nodes) <= MOST_TOGETHER:
                break
        else:
            self._hits["limit_hits", "entangled"] += 1
        if step or any(node.step for node in component.nodes.values()):
            self._move(component.nodes.values(), step, waiting)
        return component

    def _move(self, nodes: Collection[Node], step: int, waiting: list[str]) -> None:
        """Note in which step identifiers are, and let those wait that were with them before."""
        seen: set[str] = set()
        for node in nodes:
            if node.step < step and node.key not in seen:
                before = self._from(node, node.step, within=node.step).nodes
                seen.update(before)
                waiting += before
        for node in nodes:
            if node.step != step:
                node.step = step
                self._nodes.change(node)

    def _from(self, start: Node, step: int, within: int | None = None) -> Component:
        """Return what hangs together with an identifier by the ties that hold in a step.

        But no more than shows that it is too large, where a further step is to come; or only those
        that were in a step before (``within``).
        """
        goes_on = within is None and step < len(FEW) - 1
        seed = start.key
        component = Component({seed: start})
        waiting, nodes, edges = [start], component.nodes, component.edges
        decided = False
        while waiting:
            node = waiting.pop()
            key = node.key
            if self._decisions.concern(key):
                decided = True
                waiting += self._said_same(key, nodes)
            if node.hub:
                for edge in self._edges.ties(node).values():
                    relate(component, edge, REASON_HUB)
                continue
            leading: Iterable[tuple[str, GraphEdge]] = self._edges.ties(node).items()
            if node.alike:
                joining, listed = self._edges.look_alikes(node)
                component.look_alikes |= bool(joining)
                leading = chain(leading, joining)
                for edge in listed:
                    relate(component, edge, "")
            if node.is_account:
                if node.persons:
                    leading = chain(leading, node.persons.items())
            elif (form := self._handles.edge(node)) is not None:
                leading = chain(leading, (form,))
            for other, edge in leading:
                beyond = nodes.get(other) or self._nodes.of(other)
                if beyond.hub:
                    relate(component, edge, REASON_HUB)
                    continue
                if other in node.loose or key in beyond.loose:
                    relate(component, edge, REASON_PASSING)
                    continue
                if step and not self._hold.holds(edge, node, beyond, step):
                    relate(component, edge, REASON_ENTANGLED)
                    continue
                if is_nameless_word(edge, node, beyond):
                    relate(component, edge, REASON_NAMELESS)
                    continue
                if other not in nodes:
                    if within is not None and beyond.step != within:
                        continue
                    nodes[other] = beyond
                    waiting.append(beyond)
                    if goes_on and len(nodes) > MOST_TOGETHER:
                        return component
                if key == edge.a:
                    edges.append(edge)
        if decided:
            self._rule(component)
        if len(component.edges) > 1:
            component.edges.sort(key=order)
        return component

    def _said_same(self, key: str, nodes: dict[str, Node]) -> list[Node]:
        """Take in those that an analyst said an identifier is the same as, where they live."""
        found = [self._nodes.of(other) for other in self._decisions.same_as(key)]
        new = [node for node in found if node.living and node.key not in nodes]
        nodes.update((node.key, node) for node in new)
        return new

    def _rule(self, component: Component) -> None:
        """Let what analysts decided about pairs stand above all evidence about them."""
        ruling = self._decisions.ruling(component.nodes)
        if ruling is None:
            return
        told = [*component.edges, *component.relations.values()]
        ruling.same = with_evidence(ruling.same, told)
        component.ruling = ruling
        for edge in component.edges:
            if (edge.a, edge.b) in ruling.apart:
                relate(component, edge, SAID_NOT_SAME)
        component.edges = [e for e in component.edges if (e.a, e.b) not in ruling.apart]
        component.look_alikes = any(edge.tier == LOOK_ALIKE for edge in component.edges)
        for edge in ruling.overruled:
            relate(component, edge, "")
        for edge in ruling.same:
            component.relations.pop((edge.a, edge.b), None)

    def split(self, component: Component) -> list[Grouping]:
        """Return the clusters of a component."""
        nodes = component.nodes.values()
        several = sum([node.summary.reports > 1 for node in nodes])
        edges = component.edges
        bridged = may_be_confused(edges) or (
            several >= 2 * self._thresholds.identifiers
            and may_be_two_parties(edges, self._thresholds.bits)
        )
        by_holder = any(edge.person for edge in edges)
        if by_holder:
            doubtful = namesakes(component.nodes, edges)
            edges = _without(component, edges, dict.fromkeys(doubtful, REASON_NAMESAKES))
        if component.look_alikes:
            edges = starred(component.nodes, edges)
        plain = component.ruling is None and not (component.look_alikes or by_holder)
        if plain and not bridged and len(nodes) <= self._rules.cluster_limit:
            accounts = [node.key for node in nodes if node.is_account]
            one_each = len(accounts) < 2 or len({number_of(a) for a in accounts}) == len(accounts)
            if one_each and not (
                silences_of(nodes)
                or may_tell_of_two_scams(nodes)
                or may_be_two_circles(edges, self._thresholds.bits)
            ):
                return [whole(component)]
        spelt = self._spelt(component, edges) if bridged else None
        joining = Joining(component, self._rules.cluster_limit)
        kept = edges
        if spelt is not None:
            kept = _without(component, edges, self._bridges(component, edges, spelt))
            joining.keep_parties_apart(kept, self._thresholds.bits, spelt)
        for edge in component.ruling.same if component.ruling else ():
            joining.join(edge, decided=True)
        for edge in kept:
            joining.join(edge)
        heads = partial(self._spelt, component, edges) if spelt is None else lambda: spelt
        return cut_apart(component.nodes, joining.groupings(), kept, heads, self._thresholds.bits)

    def _spelt(self, component: Component, edges: list[GraphEdge]) -> dict[str, str]:
        """Lead from identifiers to what they are one with: said to be the same, or written so.

        No evidence parts what people say is the same. Nor are two ways of writing one identifier
        two identifiers that support a part, or that a bridge could stand between: the forms of a
        handle, a number with its bank and without, a number and a slip that few made, and a phone
        (or person) and the proxy that is made of it.
        """
        head: dict[str, str] = {}
        nodes = component.nodes
        for edge in component.ruling.same if component.ruling is not None else ():
            unite(head, edge.a, edge.b)
        for edge in edges:
            # Most are neither: they are not even asked.
            if edge.tier == TOGETHER and not edge.b.startswith(IMPLYING):
                continue
            if self._is_spelling(component, edge):
                unite(head, edge.a, edge.b)
        for key in component.nodes:
            # Also where too many tell either for one to join the other: who is asked for either
            # form knows both, and the two would be handed on together.
            if key.startswith(LINE) and (other := other_form(key)) in nodes:
                unite(head, key, other)
        return head

    def _is_spelling(self, component: Component, edge: GraphEdge) -> bool:
        if edge.tier != LOOK_ALIKE or edge.person:
            return edge.b.startswith(IMPLYING) and edge.b.endswith(f":{edge.a}")
        if not edge.a.startswith("account:") or number_of(edge.a) == number_of(edge.b):
            return True
        fewer = min(heard(component.nodes[end].summary) for end in (edge.a, edge.b))
        return fewer < self._thresholds.voices

    def _bridges(
        self, component: Component, edges: list[GraphEdge], spelt: dict[str, str]
    ) -> dict[int, str]:
        """Return the places of the edges that bridges lose, and why.

        What is spelt alike is one vertex.
        """
        keys = sorted(component.nodes)
        supports = [self._support(component.nodes[key]) for key in keys]
        # Of the reports about a large ring a third bring nothing new but a voice.
        found = self._kept_cuts.pop(keys[0], None)
        asked = keys, supports, edges, dict(spelt)
        if found is None or found[0] != asked:
            found = asked, self._look_for_bridges(keys, supports, edges, spelt)
        self._kept_cuts[keys[0]] = found
        if len(self._kept_cuts) > KEPT_CUTS:
            self._kept_cuts.popitem(last=False)
        return found[1]

    def _look_for_bridges(
        self,
        keys: list[str],
        supports: list[Support],
        edges: list[GraphEdge],
        spelt: dict[str, str],
    ) -> dict[int, str]:
        places: Sequence[int] = range(len(edges))
        if spelt:
            merged: dict[str, Support] = {}
            for key, support in zip(keys, supports, strict=True):
                head = find(spelt, key)
                known = merged.get(head)
                merged[head] = self._thresholds.as_one(known, support) if known else support
            keys, supports = sorted(merged), [merged[key] for key in sorted(merged)]
            places, edges = contracted(edges, spelt)
        cuts = bridge_cuts(keys, supports, edges, self._thresholds)
        if cuts.unfinished:
            self._hits["limit_hits", "bridge_rounds"] += 1
        return {
            places[place]: REASON_CONFUSED if place in cuts.confused else REASON_BRIDGE
            for place in cuts.places
        }

    def _support(self, node: Node) -> Support:
        if node.summary.reports == 1:
            # So it is with most.
            (report,) = node.few
            return Support(frozenset((report.voice,)) if report.victim else NOTHING.voices, 0)
        # One voice more than the threshold: the one in question may be among them.
        enough = self._thresholds.voices + 1
        voices = frozenset(node.voices(enough))
        several = int(node.summary.reports > 1)
        # Of so many it does not matter whose they are, and so they stay the same.
        return Support(voices if len(voices) < enough else self._enough, several)


def _without(
    component: Component, edges: list[GraphEdge], cut: Mapping[int, str]
) -> list[GraphEdge]:
    """Return the edges but those at the places to cut, which become relations, with the reason."""
    for place in sorted(cut):
        relate(component, edges[place], cut[place])
    return [edge for place, edge in enumerate(edges) if place not in cut] if cut else edges
