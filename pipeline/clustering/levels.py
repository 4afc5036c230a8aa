"""What an account's own reports make of it: levels for the accounts, entries for the watchlist.

A level is about the very account (policy.levels); its cluster only raises attention.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import msgspec

from pipeline.clustering.brigades import heard, suspicion
from pipeline.clustering.candidates import outranks
from pipeline.clustering.documents import SaidLevel
from pipeline.clustering.nodes import Node, Nodes
from pipeline.clustering.pairs import LOOK_ALIKE, GraphEdge
from pipeline.clustering.rows import NodeSummary
from pipeline.clustering.version_floor import VersionFloor
from pipeline.contracts.account_log import Level
from pipeline.contracts.cloudevents import headers_out
from pipeline.contracts.clusters import WatchlistEntry, encode_said
from pipeline.contracts.codec import digest, rfc3339
from pipeline.fold import Output
from pipeline.identity.account import bank_of
from pipeline.identity.banks import UNKNOWN_BANK
from pipeline.policy.policy import NO_LEVEL, Policy, Standing
from pipeline.topics import WATCHLIST

LEVEL_KINDS = ("account:", "promptpay:", "wallet:")
"""Identifiers that money goes to: they have a level and a place on the watchlist."""

EVIDENCE_EDGES = 8
"""Edges that a level lists as its evidence, strongest first. Counted ``evidence_edges``."""

SLIP_OF = 4
"""Accounts that a number is said to be a slip of, first by key. More are counted ``slip_of``."""

DAY_MS = 86_400_000

_midnight = lru_cache(maxsize=4_096)(rfc3339)


@lru_cache(maxsize=4_096)
def moment(at: int) -> str:
    """Write milliseconds since 1970 as `codec.rfc3339` does, in a tenth of its time."""
    seconds, milliseconds = divmod(at % DAY_MS, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    day = _midnight(at - at % DAY_MS)[:11]
    return f"{day}{hour:02d}:{minute:02d}:{second:02d}.{milliseconds:03d}Z"


Telling = Callable[[], Output]
"""What makes the record of something that is to be said: in a batch, all are made at its end.

Made in between, each would cost the processor several times as much, for its caches' sake.
"""


class Cause(NamedTuple):
    """The report that an output comes from: its key, received and published times (ms)."""

    report: str
    received_at: int
    published_at: int


_ENCODE = msgspec.msgpack.Encoder().encode


class Levels:
    """Says levels, and only when something that matters has changed."""

    def __init__(
        self,
        nodes: Nodes,
        policy: Policy,
        floor: VersionFloor,
        hits: Counter[tuple[str, ...]],
    ) -> None:
        self._floor = floor
        self._nodes = nodes
        self._policy = policy
        self._hits = hits
        self._name = lru_cache(maxsize=4_096)(self._name_of)

    def say(
        self,
        account: str,
        cluster: tuple[str, int],
        edges: list[GraphEdge],
        cause: Cause,
    ) -> tuple[Level, Telling] | None:
        """Return the account's level and watchlist entry, or None when they were said before.

        ``cluster`` is the id and version of its cluster, ("", 0) for an account that no live
        report names any more.
        """
        node = self._nodes.of(account)
        said = node.level
        if not node.living and said is None:
            return None
        version = self._floor.after(said.version if said is not None else 0)
        level = self._level(node, said, version, cluster, edges, cause)
        suspicious = suspicion(node.summary)
        content = _fingerprint(level, suspicious)
        if said is not None and said.content == content:
            return None
        received_at, published_at = cause.received_at, cause.published_at
        node.level = SaidLevel(level.version, content, level.since, received_at, published_at)
        self._nodes.change(node)
        if len(edges) > EVIDENCE_EDGES:
            self._hits["limit_hits", "evidence_edges"] += 1
        return level, partial(self._entry, level, suspicious, cause)

    def say_again(self, node: Node, cluster: str, edges: list[GraphEdge]) -> Output | None:
        """Return the watchlist entry that was last said; None when the state no longer gives it.

        That is so after a change of policy, until a report touches the identifier: then a higher
        version is said. ``cluster`` and ``edges`` are as in `say`.
        """
        said = node.level
        if said is None:
            return None
        cause = Cause("", said.received_at, said.published_at)
        level = self._level(node, said, said.version, (cluster, 0), edges, cause)
        suspicious = suspicion(node.summary)
        if _fingerprint(level, suspicious) != said.content:
            return None
        return self._entry(level, suspicious, cause)

    def _level(
        self,
        node: Node,
        said: SaidLevel | None,
        version: int,
        cluster: tuple[str, int],
        edges: list[GraphEdge],
        cause: Cause,
    ) -> Level:
        counts = node.summary
        # What is everybody's is nobody's: its holder is not accused by those who name it.
        named = node.living and not node.public
        name = self._name_by(counts) if named else NO_LEVEL
        acting = name in self._policy.acting_levels
        outranking = self._outranking(node)
        slip_of = [key for key in outranking if bank_of(key) != UNKNOWN_BANK]
        if len(slip_of) > SLIP_OF:
            self._hits["limit_hits", "slip_of"] += 1
        since = said.since if said and not node.living else counts.first_at
        if acting:
            since = counts.acting_first_at or since
        return Level(
            account=node.key,
            version=version,
            level=name,
            acting=acting,
            since=since,
            published_at=cause.published_at,
            police_filed=counts.police_filed > 0,
            reports=counts.reports,
            voices=heard(counts),
            verified_voices=counts.verified_voices,
            cluster=cluster[0],
            cluster_version=cluster[1],
            caused_by=cause.report,
            scam_types=tuple(sorted(counts.scam_types)),
            misspelt=bool(outranking),
            slip_of=tuple(slip_of[:SLIP_OF]),
            evidence=tuple(_as_evidence(node.key, edge) for edge in edges[:EVIDENCE_EDGES]),
        )

    def _outranking(self, node: Node) -> list[str]:
        """Return the look-alikes that this may be a slip of, in the order of their keys."""
        if not node.alike or node.hub or node.look_alikes is None:
            return []
        of, standing = self._nodes.of, node.summary.standing
        found = []
        for other in node.look_alikes:
            summary = of(other).summary
            # Most have no more voices, and need no closer look.
            if summary.voices > standing[1] and outranks(summary.standing, standing):
                found.append(other)
        return sorted(found)

    def _name_by(self, counts: NodeSummary) -> str:
        return self._name(
            heard(counts),
            counts.verified_voices,
            counts.police_filed > 0,
            counts.bank_detected > 0,
            counts.laundering_listed > 0,
        )

    def _name_of(
        self, voices: int, verified_voices: int, police: bool, bank: bool, listed: bool
    ) -> str:
        standing = Standing(
            voices=voices,
            verified_voices=verified_voices,
            police_filed=police,
            bank_detected=bank,
            laundering_listed=listed,
        )
        return self._policy.level(standing)

    def _entry(self, level: Level, suspicious: str | None, cause: Cause) -> Output:
        entry = WatchlistEntry(
            identifier=level.account,
            version=level.version,
            level=level.level,
            acting=level.acting,
            since=moment(level.since),
            reports=level.reports,
            voices=level.voices,
            cluster_id=level.cluster,
            policy_version=self._policy.version,
            suspicious_reporting=suspicious,
        )
        # The id says nothing of the account: headers hold no personal data.
        event_id = f"{digest(level.account.encode())}.{level.version}"
        at = moment(cause.received_at)
        headers = headers_out(WatchlistEntry.SCHEMA, event_id, at, cause.published_at)
        return Output(WATCHLIST, level.account.encode(), encode_said(entry), headers)


def _fingerprint(level: Level, suspicious: str | None) -> str:
    """Return what a level is compared by: not by version, cause or, when nobody names it, time."""
    compared = (
        level.level,
        level.acting,
        level.since if level.reports else 0,
        level.police_filed,
        level.reports,
        level.voices,
        level.verified_voices,
        level.cluster,
        level.scam_types,
        level.evidence,
        suspicious,
        level.misspelt,
    )
    # Most accounts are no slip: what was said of them stays as it was fingerprinted.
    return digest(_ENCODE((*compared, level.slip_of) if level.slip_of else compared))


def has_level(identifier: str) -> bool:
    """Say whether money goes to this kind of identifier."""
    return identifier.startswith(LEVEL_KINDS)


def told(edge: GraphEdge) -> list[str]:
    """Return an edge's reasons as people read them."""
    return _told(edge.reports, edge.voices, edge.reasons)


def _told(reports: int, voices: int, reasons: tuple[str, ...]) -> list[str]:
    return [_together(reports, voices), *reasons] if reports else list(reasons)


@lru_cache(maxsize=4_096)
def _together(reports: int, voices: int) -> str:
    in_reports = "1 report" if reports == 1 else f"{reports} reports"
    by_voices = "1 voice" if voices == 1 else f"{voices} voices"
    return f"named together in {in_reports} by {by_voices}"


def _as_evidence(account: str, edge: GraphEdge) -> tuple[str, str, str]:
    other = edge.b if edge.a == account else edge.a
    kind = "look_alike" if edge.tier == LOOK_ALIKE else "named_together"
    return kind, other, _reasons(edge.reports, edge.voices, edge.reasons, edge.bits)


@lru_cache(maxsize=4_096)
def _reasons(reports: int, voices: int, reasons: tuple[str, ...], bits: float) -> str:
    return "; ".join([*_told(reports, voices, reasons), f"{bits:.1f} bits"])
