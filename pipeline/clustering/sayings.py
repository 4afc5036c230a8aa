"""What clustering says of clusters: records and referrals, only where they differ from the last.

Rows: ``c cluster_id`` → what was said of a cluster (kept when it is empty, so that versions go on),
``m identifier`` → the cluster that it was last said to be in. What is kept of a saying is enough to
say it again, byte for byte.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice

import msgspec

from pipeline.clustering.components import Component, Grouping
from pipeline.clustering.edges import GraphEdge
from pipeline.clustering.evidence import Model
from pipeline.clustering.levels import Cause, told
from pipeline.clustering.views import HUB_TIES, LISTED_REPORTS, View
from pipeline.contracts.cloudevents import headers_out
from pipeline.contracts.clusters import Cluster, Edge, PlatformReferral, cluster_id, referral_id
from pipeline.contracts.codec import digest, encode_json, rfc3339
from pipeline.fold import Output
from pipeline.state import State
from pipeline.topics import CLUSTERS, PLATFORM_REFERRALS

LISTED_EDGES = 200
"""Edges and relations that a cluster lists, each: the strongest. Counted ``listed_edges``."""
COUNTED_VOICES = 200
"""Up to so many voices, summed over the members, a cluster's voices are counted exactly; above,
it is the most that one member has (a lower bound: the same person may stand behind two). Counted
``counted_voices``."""


cluster_identity = lru_cache(maxsize=65_536)(cluster_id)
"""The id of the cluster of an anchor, kept because the same few are asked for all the time."""


class Said(msgspec.Struct, array_like=True):
    """What was last said of a cluster, because of a report received and published then (ms).

    ``referred`` is platform → (version, identifiers).
    """

    version: int = 0
    content: str = ""
    live: bool = False
    split_from: str | None = None
    referred: dict[str, tuple[int, tuple[str, ...]]] = {}
    anchor: str = ""
    merged_into: str | None = None
    received_at: int = 0
    published_at: int = 0


_ENCODE = msgspec.msgpack.Encoder().encode
_SAID = msgspec.msgpack.Decoder(Said)


class Sayings:
    """Compares clusters with what was said of them, and says the differences."""

    def __init__(self, state: State, model: Model, hits: Counter[tuple[str, ...]]) -> None:
        self._state = state
        self._model = model
        self._hits = hits

    def assigned(self, node: str) -> str | None:
        """Return the cluster that an identifier was last said to be in."""
        found = self._state.get(b"m" + node.encode())
        return found.decode() if found else None

    def assign(self, node: str, cluster: str | None) -> None:
        """Note the cluster of an identifier; None when it has none any more."""
        if cluster is None:
            self._state.delete(b"m" + node.encode())
        else:
            self._state.put(b"m" + node.encode(), cluster.encode())

    def said(self, cluster: str) -> Said:
        """Return what was last said of a cluster."""
        found = self._state.get(b"c" + cluster.encode())
        return _SAID.decode(found) if found else Said(referred={})

    def anchor_of(self, component: Component, members: Sequence[str]) -> str:
        """Return the identifier that was reported first."""
        return min(members, key=lambda node: (component.nodes[node].summary.first_at, node))

    def identity_of(self, component: Component, members: Sequence[str]) -> str:
        """Return the id of the cluster with these members."""
        return cluster_identity(self.anchor_of(component, members))

    def say(
        self, component: Component, grouping: Grouping, split_from: str | None, cause: Cause
    ) -> tuple[int, list[Output]]:
        """Return a cluster's version and what there is to say of it."""
        anchor = self.anchor_of(component, grouping.members)
        identity = cluster_identity(anchor)
        said = self.said(identity)
        if not said.live:
            said.split_from = split_from
        cluster = _content(component, grouping, anchor, said.split_from)
        content = digest(encode_json(cluster))
        if said.live and said.content == content:
            return said.version, []
        said.version, said.content, said.live = said.version + 1, content, True
        said.anchor, said.merged_into = anchor, None
        said.received_at, said.published_at = cause.received_at, cause.published_at
        outputs = [_cluster_output(cluster, said)]
        outputs += self._refer(component, cluster, said, cause)
        self._state.put(b"c" + identity.encode(), _ENCODE(said))
        self._count_limits(component, grouping, cluster)
        return said.version, outputs

    def say_again(self, component: Component, grouping: Grouping, said: Said) -> Output | None:
        """Return the last saying of a living cluster; None when the state no longer gives it.

        That is so after a change of policy, until a report touches the cluster: then a higher
        version is said.
        """
        cluster = _content(component, grouping, said.anchor, said.split_from)
        if digest(encode_json(cluster)) != said.content:
            return None
        return _cluster_output(cluster, said)

    def say_empty_again(self, identity: str, said: Said) -> Output:
        """Return the last saying of a cluster that is no more."""
        return _cluster_output(_empty(identity, said.merged_into), said)

    def say_empty(self, identity: str, merged_into: str | None, cause: Cause) -> list[Output]:
        """Say that a cluster is no more, and which one it went into."""
        said = self.said(identity)
        cluster = _empty(identity, merged_into)
        said.version, said.content, said.live, said.split_from = said.version + 1, "", False, None
        said.anchor, said.merged_into = "", merged_into
        said.received_at, said.published_at = cause.received_at, cause.published_at
        outputs = [_cluster_output(cluster, said)]
        outputs += self._refer(Component(), cluster, said, cause)
        self._state.put(b"c" + identity.encode(), _ENCODE(said))
        return outputs

    def _count_limits(self, component: Component, grouping: Grouping, cluster: Cluster) -> None:
        """Count the limits that left something out of a cluster's record."""
        views = [component.nodes[member] for member in grouping.members]
        if max(len(grouping.edges), len(grouping.relations)) > LISTED_EDGES:
            self._hits["limit_hits", "listed_edges"] += 1
        if any(view.hub and view.summary.degree > HUB_TIES for view in views):
            self._hits["limit_hits", "hub_ties"] += 1
        if cluster.report_count > len(cluster.reports):
            self._hits["limit_hits", "listed_reports"] += 1
        if len(views) > 1 and sum(view.summary.voices for view in views) > COUNTED_VOICES:
            self._hits["limit_hits", "counted_voices"] += 1

    def _refer(
        self, component: Component, cluster: Cluster, said: Said, cause: Cause
    ) -> list[Output]:
        by_platform: dict[str, list[str]] = {}
        for member in cluster.members:
            platform = self._model.platform_of(member)
            if platform is not None:
                by_platform.setdefault(platform, []).append(member)
        outputs = []
        for platform in sorted(by_platform.keys() | said.referred.keys()):
            identifiers = tuple(by_platform.get(platform, ()))
            version, before = said.referred.get(platform, (0, ()))
            if identifiers == before:
                continue
            said.referred[platform] = (version + 1, identifiers)
            scams = {s for i in identifiers for s in component.nodes[i].summary.scam_types}
            referral = PlatformReferral(
                referral_id=referral_id(cluster.cluster_id, platform),
                version=version + 1,
                platform=platform,
                cluster_id=cluster.cluster_id,
                identifiers=list(identifiers),
                report_count=cluster.report_count,
                scam_types=sorted(scams),
            )
            event_id = f"{referral.referral_id}.{referral.version}"
            at = rfc3339(cause.received_at)
            headers = headers_out(PlatformReferral.SCHEMA, event_id, at, cause.published_at)
            key = referral.referral_id.encode()
            outputs.append(Output(PLATFORM_REFERRALS, key, encode_json(referral), headers))
        return outputs


def destination(members: Iterable[str | None]) -> str | None:
    """Return the cluster where most of a former cluster's members went."""
    counted = Counter(cluster for cluster in members if cluster is not None)
    return min(counted, key=lambda cluster: (-counted[cluster], cluster), default=None)


def _content(
    component: Component, grouping: Grouping, anchor: str, split_from: str | None
) -> Cluster:
    """Return what there is to say of a cluster, without its version."""
    views = [component.nodes[member] for member in grouping.members]
    return Cluster(
        cluster_id=cluster_identity(anchor),
        version=0,
        anchor=anchor,
        members=grouping.members,
        reports=_reports(views),
        report_count=sum(view.summary.home_reports for view in views),
        voices=_voices(views),
        edges=_listed(grouping.edges),
        relations=_listed(grouping.relations),
        split_from=split_from,
        review=grouping.review,
    )


def _empty(identity: str, merged_into: str | None) -> Cluster:
    return Cluster(
        cluster_id=identity,
        version=0,
        anchor="",
        members=[],
        reports=[],
        report_count=0,
        voices=0,
        edges=[],
        relations=[],
        merged_into=merged_into,
    )


def _reports(views: Sequence[View]) -> list[str]:
    homes = [view for view in views if view.summary.home_reports]
    first = heapq.nsmallest(LISTED_REPORTS, homes, key=lambda v: v.summary.home_first_at)
    last = first[-1].summary.home_first_at if len(first) == LISTED_REPORTS else 0
    tied = [v for v in homes if last and v.summary.home_first_at == last]
    rows = {row for view in (*first, *tied) for row in view.home_reports()}
    return [report for _, report in heapq.nsmallest(LISTED_REPORTS, rows)]


def _voices(views: Sequence[View]) -> int:
    counts = [view.summary.voices for view in views]
    if len(views) == 1 or sum(counts) > COUNTED_VOICES:
        return max(counts)
    return len(frozenset().union(*(view.voices(COUNTED_VOICES) for view in views)))


def _listed(edges: Iterable[GraphEdge]) -> list[Edge]:
    return [Edge(e.a, e.b, e.tier, e.bits, told(e), e.reports) for e in islice(edges, LISTED_EDGES)]


def _cluster_output(cluster: Cluster, said: Said) -> Output:
    value = encode_json(msgspec.structs.replace(cluster, version=said.version))
    event_id = f"{cluster.cluster_id}.{said.version}"
    headers = headers_out(Cluster.SCHEMA, event_id, rfc3339(said.received_at), said.published_at)
    return Output(CLUSTERS, cluster.cluster_id.encode(), value, headers)
