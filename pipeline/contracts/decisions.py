"""The analyst's decision: what a person has found about identifiers, and taking it back.

An erasure comes the same way, so that it has one place in the order of reports and decisions.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from pipeline.contracts.codec import decode_json
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.contracts.reports import Moment, Reference, Text
from pipeline.erasure import MAX_HASHES, is_erasure_hash

Why = Annotated[str, Meta(min_length=1, max_length=2_000)]

PAIR = 2
"""Identifiers of a decision about two of them."""


class DecisionKind(StrEnum):
    """What the event says."""

    MADE = "made"
    WITHDRAWN = "withdrawn"


class Verdict(StrEnum):
    """What was found: two identifiers are the same party's, or not; or one is everybody's.

    Or what is to be done: identifiers of a person are to be erased (`pipeline.erasure`).
    """

    SAME = "same"
    NOT_SAME = "not_same"
    PUBLIC_NUMBER = "public_number"
    ERASE = "erase"


class AnalystDecision(msgspec.Struct, frozen=True, kw_only=True):
    """One decision event. (source, decision_id) is the decision, ``revision`` its newest word.

    ``identifiers`` are keys as they stand in clusters and on the watchlist; of an erasure they are
    keyed hashes, and ``decided_at`` is the moment before which all is erased. Taking a decision
    back needs neither them nor the verdict; an erasure cannot be taken back. ``analyst`` is a
    reference, never a name.
    """

    SCHEMA: ClassVar[str] = "analyst_decision"

    source: Reference
    decision_id: Reference
    kind: DecisionKind
    decided_at: Moment
    analyst: Reference
    reason: Why
    revision: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    verdict: Verdict | None = None
    identifiers: Annotated[list[Text], Meta(max_length=MAX_HASHES)] = []

    @property
    def key(self) -> str:
        """The decision's identity: source and the source's own reference."""
        return f"{self.source}/{self.decision_id}"


_DECODER = msgspec.json.Decoder(AnalystDecision)


def decode_decision(value: bytes | None) -> AnalystDecision:
    """Decode an analyst's decision.

    Raises:
        InvalidEvent: nothing else, whatever the bytes are.
    """
    decision = decode_json(_DECODER, value)
    if decision.kind is DecisionKind.WITHDRAWN:
        return decision
    if decision.verdict is None:
        raise InvalidEvent(Reason.MISSING_FIELD, "$.verdict")
    if decision.verdict is Verdict.ERASE:
        if not decision.identifiers or not all(map(is_erasure_hash, decision.identifiers)):
            raise InvalidEvent(Reason.WRONG_FIELD, "$.identifiers")
        return decision
    wanted = 1 if decision.verdict is Verdict.PUBLIC_NUMBER else PAIR
    if len(set(decision.identifiers)) != wanted or len(decision.identifiers) != wanted:
        raise InvalidEvent(Reason.WRONG_FIELD, "$.identifiers")
    return decision
