"""What clustering says of clusters: records and referrals, only where they differ from the last.

What was last said is kept in the document of the cluster's anchor (`nodes.SaidCluster`), enough to
say it again byte for byte. Row ``c cluster_id`` → the anchor.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial

import msgspec
from msgspec.structs import force_setattr

from pipeline.clustering.brigades import BRIGADE_REPORTS, heard, is_brigade
from pipeline.clustering.components import Component, Grouping
from pipeline.clustering.documents import SaidCluster
from pipeline.clustering.evidence import Model
from pipeline.clustering.levels import Cause, Telling, moment, told
from pipeline.clustering.nodes import (
    COUNTED_VOICES,
    HUB_TIES,
    LISTED_LOOK_ALIKES,
    LISTED_REPORTS,
    Node,
    Nodes,
)
from pipeline.clustering.pairs import GraphEdge
from pipeline.clustering.version_floor import VersionFloor
from pipeline.contracts.cloudevents import headers_out
from pipeline.contracts.clusters import (
    Cluster,
    Edge,
    PlatformReferral,
    cluster_id,
    encode_said,
    referral_id,
)
from pipeline.contracts.codec import digest
from pipeline.fold import Output
from pipeline.state import State
from pipeline.topics import CLUSTERS, PLATFORM_REFERRALS

LISTED_EDGES = 200
"""Edges and relations that a cluster lists, each: the strongest. Counted ``listed_edges``."""

cluster_identity = lru_cache(maxsize=65_536)(cluster_id)
"""The id of the cluster of an anchor, kept because the same few are asked for all the time."""


_ON_PLATFORMS = ("handle:", "url:")
_PACKED = msgspec.msgpack.Encoder().encode
"""What a cluster is compared by: a third of the time of its JSON."""


class Sayings:
    """Compares clusters with what was said of them, and says the differences."""

    def __init__(
        self,
        state: State,
        nodes: Nodes,
        model: Model,
        floor: VersionFloor,
        hits: Counter[tuple[str, ...]],
    ) -> None:
        self._floor = floor
        self._state = state
        self._nodes = nodes
        self._model = model
        self._hits = hits
        self._anchors: dict[str, str] = {}

    def say(
        self,
        component: Component,
        grouping: Grouping,
        anchor: str,
        split_from: str | None,
        cause: Cause,
    ) -> tuple[int, list[Telling]]:
        """Return a cluster's version and what there is to say of it."""
        node = component.nodes[anchor]
        said = node.said if node.said is not None else SaidCluster(referred={})
        if not said.live:
            said.split_from = split_from
        cluster = _content(component, grouping, anchor, said.split_from)
        content = digest(_PACKED(cluster))
        if said.live and said.content == content:
            return said.version, []
        version = self._floor.after(said.version)
        said.version, said.content, said.live = version, content, True
        said.merged_into = None
        said.received_at, said.published_at = cause.received_at, cause.published_at
        tellings = [_telling(cluster, said)]
        tellings += self._refer(component, cluster, said, cause)
        if node.said is None:
            self._anchors[cluster.cluster_id] = anchor
            node.said = said
        self._nodes.change(node)
        self._count_limits(component, grouping, cluster)
        return said.version, tellings

    def say_empty(self, anchor: str, merged_into: str | None, cause: Cause) -> list[Telling]:
        """Say that the cluster of an anchor is no more, and which one it went into."""
        node = self._nodes.of(anchor)
        said = node.said
        assert said is not None, "only a cluster that was said can end"
        identity = cluster_identity(anchor)
        cluster = _empty(identity, merged_into)
        version = self._floor.after(said.version)
        said.version, said.content, said.live, said.split_from = version, "", False, None
        said.merged_into = merged_into
        said.received_at, said.published_at = cause.received_at, cause.published_at
        tellings = [_telling(cluster, said)]
        tellings += self._refer(Component(), cluster, said, cause)
        self._nodes.change(node)
        return tellings

    def write(self) -> None:
        """Write the rows of the clusters of which something was said for the first time."""
        for identity, anchor in self._anchors.items():
            self._state.put(b"c" + identity.encode(), anchor.encode())
        self._anchors.clear()

    def forget(self, anchor: str) -> None:
        """Forget that anything was said of the cluster of an anchor."""
        identity = cluster_identity(anchor)
        self._anchors.pop(identity, None)
        self._state.delete(b"c" + identity.encode())

    def anchor_of_said(self, identity: str) -> str | None:
        """Return the anchor of a cluster of which something was said, by its id."""
        found = self._state.get(b"c" + identity.encode())
        return found.decode() if found else None

    def say_again(self, component: Component, grouping: Grouping, anchor: Node) -> Output | None:
        """Return the last saying of a living cluster; None when the state no longer gives it.

        That is so after a change of policy, until a report touches the cluster: then a higher
        version is said.
        """
        said = anchor.said
        assert said is not None, "only what was said is said again"
        cluster = _content(component, grouping, anchor.key, said.split_from)
        if digest(_PACKED(cluster)) != said.content:
            return None
        return _telling(cluster, said)()

    def say_empty_again(self, anchor: Node) -> Output:
        """Return the last saying of a cluster that is no more."""
        said = anchor.said
        assert said is not None, "only what was said is said again"
        return _telling(_empty(cluster_identity(anchor.key), said.merged_into), said)()

    def _count_limits(self, component: Component, grouping: Grouping, cluster: Cluster) -> None:
        """Count the limits that left something out of a cluster's record."""
        nodes = component.nodes
        if max(len(grouping.edges), len(grouping.relations)) > LISTED_EDGES:
            self._hits["limit_hits", "listed_edges"] += 1
        alike = [node for key in grouping.members if (node := nodes[key]).alike]
        if alike and any(n.alike - len(n.alike_joins) > LISTED_LOOK_ALIKES for n in alike):
            self._hits["limit_hits", "listed_look_alikes"] += 1
        if cluster.report_count > len(cluster.reports):
            self._hits["limit_hits", "listed_reports"] += 1
        if len(grouping.members) > 1:
            summaries = [nodes[member].summary for member in grouping.members]
            # As many as are heard or more: most clusters need no closer look.
            most = sum([summary.voices for summary in summaries])
            if most > COUNTED_VOICES and sum(map(heard, summaries)) > COUNTED_VOICES:
                self._hits["limit_hits", "counted_voices"] += 1
        elif (node := nodes[cluster.anchor]).hub and node.summary.degree > HUB_TIES:
            self._hits["limit_hits", "hub_ties"] += 1

    def _refer(
        self, component: Component, cluster: Cluster, said: SaidCluster, cause: Cause
    ) -> list[Telling]:
        on_platforms = [member for member in cluster.members if member.startswith(_ON_PLATFORMS)]
        if not on_platforms and not said.referred:
            return []
        by_platform: dict[str, list[str]] = {}
        for member in on_platforms:
            platform = self._model.platform_of(member)
            if platform is not None:
                by_platform.setdefault(platform, []).append(member)
        tellings: list[Telling] = []
        for platform in sorted(by_platform.keys() | said.referred.keys()):
            identifiers = tuple(by_platform.get(platform, ()))
            version, before = said.referred.get(platform, (0, ()))
            if identifiers == before:
                continue
            version = self._floor.after(version)
            said.referred[platform] = (version, identifiers)
            scams = {s for i in identifiers for s in component.nodes[i].summary.scam_types}
            referral = PlatformReferral(
                referral_id=referral_id(cluster.cluster_id, platform),
                version=version,
                platform=platform,
                cluster_id=cluster.cluster_id,
                identifiers=list(identifiers),
                report_count=cluster.report_count,
                scam_types=sorted(scams),
            )
            tellings.append(partial(_referral_output, referral, cause))
        return tellings


def anchor_of(component: Component, members: Iterable[str]) -> str:
    """Return the identifier that was reported first: the cluster's id is made of it."""
    return min([(component.nodes[node].summary.first_at, node) for node in members])[1]


def destination(members: Iterable[str | None]) -> str | None:
    """Return the cluster (its anchor) where most of a former cluster's members went."""
    counted = Counter(cluster for cluster in members if cluster is not None)
    return min(counted, key=lambda cluster: (-counted[cluster], cluster), default=None)


def _content(
    component: Component, grouping: Grouping, anchor: str, split_from: str | None
) -> Cluster:
    """Return what there is to say of a cluster, without its version."""
    nodes = [component.nodes[member] for member in grouping.members]
    return Cluster(
        cluster_id=cluster_identity(anchor),
        version=0,
        anchor=anchor,
        members=grouping.members,
        reports=_reports(nodes),
        report_count=sum([node.summary.home_reports for node in nodes]),
        voices=_voices(nodes),
        edges=_listed(grouping.edges) if grouping.edges else [],
        relations=_listed(grouping.relations) if grouping.relations else [],
        split_from=split_from,
        review=grouping.review,
        suspicious=[
            node.key
            for node in nodes
            if node.summary.reports >= BRIGADE_REPORTS and is_brigade(node.summary)
        ],
        scam_tellings=_scam_tellings(nodes),
        public=len(nodes) == 1 and nodes[0].hub,
    )


def _scam_tellings(nodes: Sequence[Node]) -> dict[str, int]:
    told: dict[str, int] = {}
    for node in nodes:
        for kind, many in node.summary.scam_types.items():
            told[kind] = told.get(kind, 0) + many
    return dict(sorted(told.items())) if len(told) > 1 else told


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


def _reports(nodes: Sequence[Node]) -> list[str]:
    homes = [node for node in nodes if node.summary.home_reports]
    if len(homes) == 1 and homes[0].summary.home_reports <= LISTED_REPORTS:
        return [report for _, report in sorted(homes[0].home_reports())]
    if sum([node.summary.home_reports for node in homes]) <= LISTED_REPORTS:
        return [report for _, report in sorted({row for n in homes for row in n.home_reports()})]
    first = heapq.nsmallest(LISTED_REPORTS, homes, key=lambda n: n.summary.home_first_at)
    last = first[-1].summary.home_first_at if len(first) == LISTED_REPORTS else 0
    tied = [n for n in homes if last and n.summary.home_first_at == last]
    rows = {row for node in (*first, *tied) for row in node.home_reports()}
    return [report for _, report in heapq.nsmallest(LISTED_REPORTS, rows)]


def _voices(nodes: Sequence[Node]) -> int:
    if len(nodes) == 1:
        return heard(nodes[0].summary)
    counts = [heard(node.summary) for node in nodes]
    if sum(counts) > COUNTED_VOICES:
        return max(counts)
    # In no order: where so few are counted exactly, all of them are asked for.
    return len({voice for node in nodes for voice in node.all_voices()})


def _listed(edges: list[GraphEdge]) -> list[Edge]:
    return [Edge(e.a, e.b, e.tier, e.bits, told(e), e.reports) for e in edges[:LISTED_EDGES]]


def _telling(cluster: Cluster, said: SaidCluster) -> Telling:
    return partial(_cluster_output, cluster, said.version, said.received_at, said.published_at)


def _cluster_output(cluster: Cluster, version: int, received_at: int, published_at: int) -> Output:
    # What it is compared by is worked out, and nobody else has it: no need of a copy.
    force_setattr(cluster, "version", version)
    value = encode_said(cluster)
    event_id = f"{cluster.cluster_id}.{version}"
    headers = headers_out(Cluster.SCHEMA, event_id, moment(received_at), published_at)
    return Output(CLUSTERS, cluster.cluster_id.encode(), value, headers)


def _referral_output(referral: PlatformReferral, cause: Cause) -> Output:
    event_id = f"{referral.referral_id}.{referral.version}"
    at = moment(cause.received_at)
    headers = headers_out(PlatformReferral.SCHEMA, event_id, at, cause.published_at)
    key = referral.referral_id.encode()
    return Output(PLATFORM_REFERRALS, key, encode_said(referral), headers)
