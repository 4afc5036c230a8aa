"""The analyst's decision: what a person has found about identifiers, and taking it back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from pipeline.contracts.codec import decode_json
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.contracts.reports import Moment, Reference, Text

Why = Annotated[str, Meta(min_length=1, max_length=2_000)]

PAIR = 2
"""Identifiers of a decision about two of them."""


class DecisionKind(StrEnum):
    """What the event says."""

    MADE = "made"
    WITHDRAWN = "withdrawn"


class Verdict(StrEnum):
    """What was found: two identifiers are the same party's, or not; or one is everybody's."""

    SAME = "same"
    NOT_SAME = "not_same"
    PUBLIC_NUMBER = "public_number"


class AnalystDecision(msgspec.Struct, frozen=True, kw_only=True):
    """One decision event. (source, decision_id) is the decision, ``revision`` its newest word.

    ``identifiers`` are keys as they stand in clusters and on the watchlist. Taking a decision back
    needs neither them nor the verdict. ``analyst`` is a reference, never a name.
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
    identifiers: Annotated[list[Text], Meta(max_length=PAIR)] = []

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
    wanted = 1 if decision.verdict is Verdict.PUBLIC_NUMBER else PAIR
    if len(set(decision.identifiers)) != wanted or len(decision.identifiers) != wanted:
        raise InvalidEvent(Reason.WRONG_FIELD, "$.identifiers")
    return decision
