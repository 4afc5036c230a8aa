"""The worst cases of a run, each with what the run itself says about why."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import zip_longest

import msgspec

from pipeline.contracts.alerts import AlertKind
from pipeline.contracts.clusters import Cluster, Edge
from pipeline.evaluation.clusters import mixed_clusters
from pipeline.evaluation.found import Found
from pipeline.evaluation.holds import HeldAccount, holds_of
from pipeline.evaluation.told import Told
from pipeline.evaluation.truth import TrueReport, Truth

WORST = 10
"""Cases shown; the kinds take turns, each with its worst case first."""
_NAMED = 4
_UNKNOWN = "?"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One case: its kind, how much harm it does (in what), one sentence, and why, line by line.

    ``alert_id`` is what `freezeline explain` takes, where an alert is to blame.
    """

    kind: str
    harm: int
    harm_in: str
    what: str
    why: list[str]
    alert_id: str | None = None


def worst_cases(
    truth: Truth, found: Found, told: Told | None = None, limit: int = WORST
) -> list[Case]:
    """Return the worst cases of each kind in turn, until there are ``limit``.

    ``told`` is what the reports name (see `identifiers_told`): it says what mixes a cluster.
    """
    kinds = (
        _innocents_held(truth, found),
        _mixed(truth, found, told or {}),
        _torn(truth, found),
        _missed(truth, found),
    )
    turns = (case for turn in zip_longest(*kinds) for case in turn if case is not None)
    return [case for case, _ in zip(turns, range(limit), strict=False)]


def _innocents_held(truth: Truth, found: Found) -> Iterator[Case]:
    held = holds_of(truth, found).held
    for one in sorted((one for one in held if one.innocent), key=_worth):
        asked = [alert for alert in found.holds.values() if alert.account == one.account]
        alert = max(asked, key=lambda alert: (alert.amount_satang, alert.alert_id))
        newest = found.newest[alert.alert_id]
        stands = newest.kind is AlertKind.HOLD
        state = "stands" if stands else f"ended ({newest.release_reason})"
        why = [alert.reason_en, *(_evidence(e.kind, e.report, e.detail) for e in alert.evidence)]
        why += [_told(truth, e.report) for e in alert.evidence if e.report]
        yield Case(
            kind="innocent_held",
            harm=one.satang,
            harm_in="satang",
            what=f"{one.account} is {_whose(one)}; its hold {state}",
            why=list(dict.fromkeys(line for line in why if line)),
            alert_id=alert.alert_id,
        )


def _worth(one: HeldAccount) -> tuple[bool, int]:
    return not one.exists, -one.satang


def _whose(one: HeldAccount) -> str:
    return "an honest customer's" if one.exists else "nobody's, as far as is known"


def _evidence(kind: str, report: str | None, detail: str | None) -> str:
    return " ".join(part for part in (kind, report, detail) if part)


def _told(truth: Truth, key: str) -> str:
    for report in truth.reports:
        if report.report == key:
            meant = ", ".join(report.accounts) or "no account"
            return f"{key} ({report.role}) means {meant}: {', '.join(report.difficulties)}"
    return ""


def _mixed(truth: Truth, found: Found, told: Told) -> Iterator[Case]:
    owned = _owners(truth)
    by_key = {report.report: report for report in truth.reports}
    for mixed in mixed_clusters(truth, found):
        cluster = found.clusters[mixed.cluster_id]
        others = Counter(by_key[r].ring or by_key[r].role for r in mixed.strangers if r in by_key)
        names = ", ".join(f"{count} of {name}" for name, count in others.most_common(_NAMED))
        yield Case(
            kind="mixed_cluster",
            harm=len(mixed.strangers),
            harm_in="strangers' reports",
            what=f"{mixed.reports} reports of {mixed.owner} and {names} in {cluster.cluster_id}",
            why=_ties(cluster, mixed.owner, owned)
            + _shared(cluster, truth.owners(), told)
            + _files(mixed.strangers, by_key),
        )


def _shared(cluster: Cluster, owners: dict[str, str], told: Told) -> list[str]:
    """Return the identifiers that reports of several owners name, the most owners first."""
    members = set(cluster.members)
    naming: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for report in cluster.reports:
        if report in owners:
            for identifier in told.get(report, ()):
                if identifier in members:
                    naming[identifier][owners[report]] += 1
    shared = [(key, by) for key, by in naming.items() if len(by) > 1]
    shared.sort(key=lambda each: (-len(each[1]), each[0]))
    return [
        f"{key} is named by {by.total()} reports of {len(by)} owners"
        for key, by in shared[: 2 * _NAMED]
    ]


def _files(reports: Iterable[str], by_key: dict[str, TrueReport]) -> list[str]:
    chosen = [by_key[key] for key in reports if key in by_key][:_NAMED]
    return [f"{r.report} ({r.role}): {', '.join(r.difficulties)}" for r in chosen]


def _owners(truth: Truth) -> dict[str, str]:
    owned: dict[str, str] = {}
    for ring in truth.rings:
        for identifier in {*ring.identifiers, *ring.guilty}:
            # Two rings share it: it is neither's own.
            owned[identifier] = "shared" if owned.get(identifier, ring.id) != ring.id else ring.id
    owned.update(dict.fromkeys(truth.innocents.accounts, "innocent"))
    return owned


def _ties(cluster: Cluster, owner: str, owned: dict[str, str]) -> list[str]:
    """Return the edges on a shortest way from the owner's identifiers to somebody else's."""
    beside: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in cluster.edges:
        beside[edge.a].append(edge)
        beside[edge.b].append(edge)
    start = sorted(member for member in cluster.members if owned.get(member) == owner)
    came: dict[str, Edge | None] = dict.fromkeys(start)
    waiting = deque(start)
    while waiting:
        here = waiting.popleft()
        if owned.get(here, owner) not in (owner, "shared"):
            return _way_back(here, came)
        for edge in beside[here]:
            there = edge.b if edge.a == here else edge.a
            if there not in came:
                came[there] = edge
                waiting.append(there)
    return []


def _way_back(here: str, came: dict[str, Edge | None]) -> list[str]:
    lines: list[str] = []
    edge = came[here]
    while edge is not None:
        lines.append(_edge(edge))
        here = edge.a if edge.b == here else edge.b
        edge = came[here]
    return lines[::-1]


def _edge(edge: Edge) -> str:
    told = f", {edge.reports} reports" if edge.reports else ""
    return (
        f"{edge.a} - {edge.b}: {edge.tier} {edge.bits:+.1f} bits ({', '.join(edge.reasons)}{told})"
    )


def _torn(truth: Truth, found: Found) -> Iterator[Case]:
    """True groups that are in several clusters, the most lost pairs first."""
    groups: defaultdict[str, list[TrueReport]] = defaultdict(list)
    for report in truth.speaking():
        if report.group is not None:
            groups[report.group].append(report)
    cases = []
    for group, reports in groups.items():
        sizes = Counter(found.group_of.get(r.report, _UNKNOWN) for r in reports)
        kept = sum(n * (n - 1) // 2 for name, n in sizes.items() if name != _UNKNOWN)
        lost = len(reports) * (len(reports) - 1) // 2 - kept
        if lost:
            cases.append((-lost, group, reports, sizes))
    for lost, group, reports, sizes in sorted(cases, key=lambda case: case[:2]):
        ranked = sorted(sizes, key=lambda name: (-sizes[name], name))
        parts = " + ".join(str(sizes[name]) for name in ranked)
        yield Case(
            kind="torn_group",
            harm=-lost,
            harm_in="lost pairs",
            what=f"{len(reports)} reports of {group} are in {len(sizes)} clusters: {parts}",
            why=_between(found, ranked) + _outside(found, reports, ranked[0]),
        )


def _between(found: Found, parts: list[str]) -> list[str]:
    """Return the relations that the parts list with each other: seen, but not enough to join."""
    where = {
        m: part for part in parts if part in found.clusters for m in found.clusters[part].members
    }
    seen = {
        (edge.a, edge.b): edge
        for part in parts
        if part in found.clusters
        for edge in found.clusters[part].relations
        if edge.a in where and edge.b in where and where[edge.a] != where[edge.b]
    }
    strongest = sorted(seen.values(), key=lambda edge: (-edge.bits, edge.a, edge.b))
    return [_edge(edge) for edge in strongest[:_NAMED]]


def _outside(found: Found, reports: list[TrueReport], main: str) -> list[str]:
    out = [r for r in reports if found.group_of.get(r.report, _UNKNOWN) != main]
    return [f"{r.report} alone: {', '.join(r.difficulties)}" for r in out[:_NAMED]]


def _missed(truth: Truth, found: Found) -> Iterator[Case]:
    told: defaultdict[str, list[TrueReport]] = defaultdict(list)
    for report in truth.speaking():
        for account in report.named:
            told[account].append(report)
    missed = [m.account for m in holds_of(truth, found).mules if m.alerted_after is None]
    for account in sorted(missed, key=lambda account: (-len(told[account]), account)):
        reports = told[account]
        yield Case(
            kind="missed_mule",
            harm=len(reports),
            harm_in="reports that name it",
            what=f"{account} is named rightly by {len(reports)} reports and has no alert",
            why=[f"{r.report}: {', '.join(r.difficulties)}" for r in reports[:_NAMED]],
        )


def lost_by_difficulty(truth: Truth, found: Found) -> dict[str, tuple[int, int]]:
    """Return by difficulty how many reports show it, and how many of them are outside.

    A report is outside when it is not in the cluster that has most of its true group. Only groups
    of two or more count.
    """
    sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for report in truth.speaking():
        if report.group is not None:
            sizes[report.group][found.group_of.get(report.report, _UNKNOWN)] += 1
    main = {
        group: min(parts, key=lambda name: (-parts[name], name))
        for group, parts in sizes.items()
        if parts.total() > 1
    }
    shown: Counter[str] = Counter()
    outside: Counter[str] = Counter()
    for report in truth.speaking():
        if report.group not in main:
            continue
        out = found.group_of.get(report.report, _UNKNOWN) != main[report.group]
        for difficulty in ("any", *report.difficulties):
            shown[difficulty] += 1
            outside[difficulty] += out
    return {name: (shown[name], outside[name]) for name in sorted(shown)}
