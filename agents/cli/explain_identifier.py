"""Why an identifier, or a report, stands in its cluster, and what ties it to another one or not."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

import msgspec
from rich.text import Text
from rich.tree import Tree

from agents.cli.explain_rules import add_rules, rule_sentence
from agents.console import account_with_bank, level_text, visible
from agents.kafka.reading import TopicReader
from pipeline.accounts.file import AccountFile
from pipeline.clustering.decisions import OVERRULED, SAID_NOT_SAME
from pipeline.clustering.evidence import kind_of, load_model
from pipeline.clustering.joining import REASON_TWO_PARTIES
from pipeline.clustering.nameless import REASON_NAMELESS
from pipeline.contracts.clusters import Cluster, Edge, FiledReport, WatchlistEntry
from pipeline.filing import Places, named
from pipeline.policy.policy import NO_LEVEL, load_policy
from pipeline.topics import CLUSTERS, FILED_REPORTS, WATCHLIST

MAX_EDGES = 20
"""Edges of one identifier that are listed; of the rest only the number is said."""

_TOGETHER = re.compile(r"named together in (?P<reports>\d+) reports? by (?P<voices>\d+) voices?")
_ROUNDING = 0.05
"""Bits by which the parts of an edge's sum may differ from it."""
_WORTH = re.compile(r"(?P<what>.+):(?P<bits>[+-]\d+(?:\.\d+)?)")
_BLOCKED = {
    "public_number": "one of the two is a public number, which joins nothing; an analyst's `same` "
    "about this pair would join them",
    "passing_number": "it passes through many hands: several parts with nothing else in common lie "
    "around it, and of the many who name each hardly any names it; more voices that name both "
    "would count",
    REASON_NAMELESS: "one report without a name, and not verified, alone says so of a known phone "
    "and an account that nobody verified names; a second voice, or a verified one, would count",
    "namesakes": "nothing but a rare name joins them: two numbers that several people each know, "
    "or one that fits two of these, may be two customers of one name; an analyst's `same` would "
    "join them",
    "bridge": "it alone would hold two well-supported parts together, each with its own accounts "
    "and numbers, and is tied more to the other; another identifier that both parts share would "
    "join them",
    "confused_voice": "one voice alone names both, and others name one of them beside contacts "
    "that are not the other one's ring's; a second voice that names both would join them",
    "silence_between": "one of the two was told of only before or after days on which nobody told "
    "of anything in the other's cluster, and nothing else ties them; a report in between, or a "
    "second tie, would join them",
    "other_scam": "the reports about one of the two tell of another scam than nearly all about the "
    "other's cluster, and hardly anything else ties them; reports that tell of the same scam, or "
    "that name more identifiers of both, would join them",
    "entangled": "so much hangs together around the two that only the strongest ties hold; "
    "more reports that name both would join them",
    "other_contacts": "each side has phones, handles and pages of its own that are told together "
    "over and over, and hardly ever with the other side's, though both share accounts: two rings "
    "that use the same mules; more reports that name contacts of both would join them",
    REASON_TWO_PARTIES: "each side has many ties of its own and hardly any with the other: two "
    "parties; more reports that name identifiers of both would join them",
    "cluster_size": "the cluster would become too large; a person has to look",
    "same_number_at_two_banks": "the same number would stand at two banks, and several people name "
    "each; an analyst's `same` would join them",
    SAID_NOT_SAME: "an analyst said that they are not the same; taking that back would let the "
    "evidence count again",
    OVERRULED: "an analyst said that they are the same, but newer decisions say the contrary",
}


@dataclass(slots=True)
class Known:
    """What is known of the identifiers asked for: living clusters, entries, where reports are."""

    clusters: list[Cluster] = field(default_factory=list)
    entries: dict[str, WatchlistEntry] = field(default_factory=dict)

    def cluster_of(self, identifier: str) -> Cluster | None:
        """Return the cluster that holds an identifier."""
        return next((c for c in self.clusters if identifier in c.members), None)


def read_known(reader: TopicReader, targets: list[str]) -> tuple[Known, list[str]]:
    """Return what the topics say of the targets, and the identifiers that they are.

    A target that is a report (source and reference) stands for the first identifier that it names
    of the cluster that it belongs to (`pipeline.filing`).
    """
    asked = {target.encode() for target in targets}
    said = reader.newest_by_key(FILED_REPORTS, lambda key: key in asked)
    reports = [msgspec.json.decode(r.value or b"", type=FiledReport) for r in said.values()]
    concerned = {*targets, *(key for report in reports for key in named(report))}
    clusters = []
    for record in reader.newest_by_key(CLUSTERS).values():
        cluster = msgspec.json.decode(record.value or b"", type=Cluster)
        if not concerned.isdisjoint(cluster.members):
            clusters.append(cluster)
    places = Places(clusters)
    stands_for = {report.report: places.first_named(report) for report in reports}
    identifiers = [stands_for.get(target) or target for target in targets]
    known = Known([c for c in clusters if not set(identifiers).isdisjoint(c.members)])
    wanted = {identifier.encode() for identifier in identifiers}
    for record in reader.newest_by_key(WATCHLIST, lambda key: key in wanted).values():
        entry = msgspec.json.decode(record.value or b"", type=WatchlistEntry)
        known.entries[entry.identifier] = entry
    return known, identifiers


def tree_of_identifier(known: Known, identifier: str, file: AccountFile | None = None) -> Tree:
    """Return why an identifier has its level and its place, and what its rules allow.

    ``file`` is an account's file, where there is one: its rules are those of a hold.
    """
    tree = Tree(Text(account_with_bank(identifier), style="bold"))
    entry = known.entries.get(identifier)
    _add_entry(tree, entry)
    add_rules(tree, file, load_policy())
    if entry is not None:
        _add_next_levels(tree, entry)
    cluster = known.cluster_of(identifier)
    if cluster is None:
        tree.add("no live report names it")
        return tree
    tree.add(
        f"cluster {cluster.cluster_id}, version {cluster.version}: {cluster.report_count} reports "
        f"by {cluster.voices} person(s), {len(cluster.members)} identifiers"
    )
    if identifier in cluster.suspicious:
        tree.add(Text("its reports look as if a crowd had been sent", style="yellow"))
    _add_edges(tree, "joined by", cluster.edges, identifier)
    _add_edges(tree, "not joined by", cluster.relations, identifier)
    return tree


def tree_of_pair(known: Known, one: str, other: str) -> Tree:
    """Return what ties two identifiers, step by step, or why nothing does."""
    tree = Tree(Text(f"{account_with_bank(one)} and {account_with_bank(other)}", style="bold"))
    first, second = known.cluster_of(one), known.cluster_of(other)
    if first is not None and first is second:
        way = way_between(first.edges, one, other)
        tree.add(f"one cluster, {first.cluster_id}, by {len(way)} step(s)")
        for edge in way:
            add_edge(tree, edge)
        changes = tree.add(Text("What would change the answer", style="bold"))
        for sentence in _what_would_part(way):
            changes.add(Text(sentence))
        return tree
    between = [
        edge
        for cluster in (first, second)
        if cluster is not None
        for edge in cluster.relations
        if {edge.a, edge.b} == {one, other}
    ]
    tree.add("not in one cluster")
    if between:
        add_edge(tree, between[0])
    else:
        tree.add("nothing that reports say of both ties them; an analyst's `same` would join them")
        if all(key.startswith("account:") for key in (one, other)):
            bits = load_model().person.join_bits
            tree.add(
                f"accounts of one holder are joined from {bits:.0f} bits on, by name, date of "
                "birth and address together"
            )
    return tree


def _what_would_part(way: list[Edge]) -> list[str]:
    """Return, in sentences, which news would part two identifiers that such a way joins."""
    if not way:
        return ["They are one identifier."]
    weakest = min(way, key=lambda edge: (edge.bits, edge.a, edge.b))
    ends = f"{account_with_bank(weakest.a)} – {account_with_bank(weakest.b)}"
    return [
        f"The weakest step has {weakest.bits:.1f} bits: {ends}. Without the reports behind it the "
        "two stand apart, unless other evidence joins them.",
        "An end of a step becoming a public number, or a bridge between two parts, parts them.",
        "An analyst's `not_same` about the two parts them.",
    ]


def _add_next_levels(tree: Tree, entry: WatchlistEntry) -> None:
    """Show which levels above an account's own there are, and what each needs."""
    above = []
    for rule in load_policy().levels:
        if rule.level == entry.level:
            break
        above.append(rule)
    if not above:
        return
    branch = tree.add("levels above it")
    for rule in above[::-1]:
        branch.add(Text(rule_sentence(rule)))


def way_between(edges: list[Edge], one: str, other: str) -> list[Edge]:
    """Return the edges that lead from one identifier to another, the fewest; none without a way."""
    at: dict[str, list[Edge]] = {}
    for edge in edges:
        at.setdefault(edge.a, []).append(edge)
        at.setdefault(edge.b, []).append(edge)
    came: dict[str, Edge | None] = {one: None}
    waiting = deque([one])
    while waiting and other not in came:
        here = waiting.popleft()
        for edge in at.get(here, []):
            there = edge.b if edge.a == here else edge.a
            if there not in came:
                came[there] = edge
                waiting.append(there)
    way = []
    here = other
    while (last := came.get(here)) is not None:
        way.append(last)
        here = last.b if last.a == here else last.a
    return way[::-1]


def waterfall(edge: Edge) -> list[str]:
    """Return an edge's evidence, a line each: what it says, its bits and the sum so far."""
    lines, total = [], 0.0
    for reason in edge.reasons:
        for bits, said in _parts(reason, edge):
            if bits is None:
                lines.append(said)
                continue
            total += bits
            lines.append(f"{bits:+6.1f}  {said}  (so far {total:.1f})")
    return [*lines, f"{edge.bits:6.1f}  bits in all"]


def _parts(reason: str, edge: Edge) -> list[tuple[float | None, str]]:
    """Return what a reason says, in parts with their bits; None where it has none of its own."""
    worth = _WORTH.fullmatch(reason)
    if worth is not None:
        return [(float(worth["bits"]), worth["what"].replace("_", " "))]
    counts = _TOGETHER.fullmatch(reason)
    if counts is None:
        return [(None, reason.replace("_", " "))]
    return _together_parts(reason, int(counts["reports"]), int(counts["voices"]), edge)


def _together_parts(
    reason: str, reports: int, voices: int, edge: Edge
) -> list[tuple[float | None, str]]:
    """Return the parts of the bits of two identifiers named together.

    Only where they add up: an edge may have been said under another model, or under a limit.
    """
    model = load_model()
    a, b = kind_of(edge.a), kind_of(edge.b)
    one = model.together_bits(a, b, 1, 1)
    several_reports = model.together_bits(a, b, reports, 1) - one
    several_voices = model.together_bits(a, b, 1, voices) - one
    if abs(one + several_reports + several_voices - edge.bits) > _ROUNDING:
        return [(None, reason)]
    found: list[tuple[float | None, str]] = [(None, reason), (one, f"{a} and {b} in one report")]
    if several_voices:
        found.append((several_voices, f"{voices} voices say so"))
    if several_reports:
        found.append((several_reports, f"{reports} reports"))
    return found


def why_not_joined(edge: Edge, needed: float) -> str:
    """Return the rule that keeps a relation from joining, and what would change the answer."""
    for reason in reversed(edge.reasons):
        if reason in _BLOCKED:
            return _BLOCKED[reason]
    if edge.bits < needed:
        return (
            f"{needed - edge.bits:.1f} bits are missing: the same holder, phone, victim or payment "
            "would bring them"
        )
    return "it looks like a better one still more, or another bank has the same number"


def _add_entry(tree: Tree, entry: WatchlistEntry | None) -> None:
    if entry is None:
        return
    line = Text("level ").append_text(level_text(entry.level))
    line.append(f": {entry.reports} reports, {entry.voices} voices that count")
    branch = tree.add(line)
    if entry.suspicious_reporting is not None:
        branch.add(Text(entry.suspicious_reporting, style="yellow"))
    if entry.acting:
        branch.add("holds may be asked for; it ends when the reports that name it are withdrawn")
    elif entry.level == NO_LEVEL:
        branch.add("nobody names it any more, or an analyst called it a public number")
    else:
        branch.add("no hold: no verified reporter and no laundering list names it; one would do")
    branch.add(Text(f"policy {entry.policy_version}", style="dim"))


def _add_edges(tree: Tree, title: str, edges: list[Edge], identifier: str) -> None:
    own = [edge for edge in edges if identifier in (edge.a, edge.b)]
    if not own:
        return
    branch = tree.add(f"{title} ({len(own)})")
    for edge in own[:MAX_EDGES]:
        add_edge(branch, edge)
    if len(own) > MAX_EDGES:
        branch.add(Text(f"and {len(own) - MAX_EDGES:,} more", style="dim"))


def add_edge(branch: Tree, edge: Edge, needed: float | None = None) -> None:
    """Show an edge: its evidence as a waterfall of bits, and of a relation why it joins nothing.

    ``needed`` are the bits from which on look-alikes may join; None: those of today's policy.
    """
    title = f"{account_with_bank(edge.a)} – {account_with_bank(edge.b)}, {edge.tier}"
    one = branch.add(Text(title, style="cyan"))
    for line in waterfall(edge):
        one.add(Text(visible(line)))
    if edge.tier == "T2":
        bits = needed if needed is not None else load_policy().clustering.one_edit_bits
        one.add(Text(why_not_joined(edge, bits)))
