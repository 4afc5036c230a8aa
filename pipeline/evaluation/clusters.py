"""Figures about clusters: who was put together rightly, who wrongly, and what that can do."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from pipeline.evaluation.found import Found
from pipeline.evaluation.truth import Truth
from pipeline.identity.account import is_account


@dataclass(frozen=True, slots=True)
class MixedCluster:
    """A cluster with reports that belong to different rings (or accusers).

    ``owner`` has most of its reports; ``strangers`` are the others' reports.
    """

    cluster_id: str
    reports: int
    owner: str
    strangers: tuple[str, ...]


def mixed_clusters(truth: Truth, found: Found) -> list[MixedCluster]:
    """Return the clusters that put different rings together, the most strangers first.

    Two reports of one ring are no strangers, even where only luck could join them.
    """
    belongs = truth.owners()
    inside: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for report, cluster in found.group_of.items():
        if report in belongs:
            inside[cluster].append((belongs[report], report))
    mixed = []
    for cluster, reports in inside.items():
        sizes = Counter(owner for owner, _ in reports)
        if len(sizes) < 2:
            continue
        # Of equals the first by name, so that the answer is the same each time.
        owner = min(sizes, key=lambda name: (-sizes[name], name))
        strangers = tuple(sorted(report for name, report in reports if name != owner))
        mixed.append(MixedCluster(cluster, len(reports), owner, strangers))
    return sorted(mixed, key=lambda each: (-len(each.strangers), each.cluster_id))


def wrongly_inside(truth: Truth, found: Found) -> set[str]:
    """Return the accounts inside a cluster that acts, though they are not its ring's.

    A cluster acts when an account of it was ever asked to be held. Counted are accounts of honest
    people that are known to exist, and accounts of another ring than the one that most of the
    cluster's accounts belong to. A number that belongs to nobody harms nobody.
    """
    rings: defaultdict[str, set[str]] = defaultdict(set)
    for ring in truth.rings:
        for account in ring.guilty:
            rings[account].add(ring.id)
    honest = set(truth.innocents.accounts)
    wrong: set[str] = set()
    for cluster in found.clusters.values():
        accounts = [member for member in cluster.members if is_account(member)]
        if not any(account in found.first_hold for account in accounts):
            continue
        owners = Counter(ring for account in accounts for ring in rings.get(account, ()))
        owner = min(owners, key=lambda name: (-owners[name], name)) if owners else None
        if owner is None:
            # A shop alone with its accusers: whether it may be held is a question of holds.
            continue
        for account in accounts:
            strange = account in rings and owner not in rings[account]
            if strange or (account in honest and account not in rings):
                wrong.add(account)
    return wrong
