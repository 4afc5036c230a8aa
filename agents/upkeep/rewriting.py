"""Rewriting the topics that are kept for good after an erasure: keep what is left, cut the rest.

Kafka cannot take one record out of such a topic, only everything before a position. So what is to
be kept is written once more behind the end, without what is erased, and when the workers have
passed it, all before is deleted. For the workers and for every reader the copies are repeats, which
count once. Where nothing names anything erased, a topic is left alone. A rewriting that was cut
short is simply begun again: until the cut nothing is gone, and of what it had copied once, one copy
is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple

from kafka import TopicPartition

from agents.kafka.lag import LagReader
from agents.kafka.reading import StoredRecord, TopicReader
from agents.kafka.sending import connected_producer, publish_records
from agents.kafka.topic_admin import admin_client
from agents.settings import Settings
from pipeline.clustering.decisions import normalise_decision
from pipeline.contracts.cloudevents import event_data
from pipeline.contracts.decisions import Verdict, decode_decision
from pipeline.contracts.invalid import InvalidEvent
from pipeline.contracts.pointers import POINTER_KEY
from pipeline.erasure import HASH_PREFIX, Erasures
from pipeline.fold import Output
from pipeline.policy.policy import Policy
from pipeline.redaction import (
    alert_left,
    alert_was_before,
    decision_left,
    report_left,
    update_left,
)
from pipeline.state import MemoryState
from pipeline.topics import ANALYST_DECISIONS, FREEZE_ALERTS, HOLD_UPDATES, REPORTS

KEPT_FOR_GOOD = (ANALYST_DECISIONS, REPORTS, HOLD_UPDATES, FREEZE_ALERTS)
"""In this order: decisions get new places among the reports before those are cut off."""

COPIED_AT_A_TIME = 2_000
"""Records copied before it is looked whether the workers keep up: new reports must not wait."""

SETTLE_SECONDS = 600.0


class Rewritten(NamedTuple):
    """What was done with a topic: records copied, changed on the way, and left out."""

    topic: str
    copied: int
    changed: int
    left_out: int


class NotSettled(Exception):
    """The workers did not catch up; nothing was cut off, so it may be begun again."""


def known_erasures(reader: TopicReader, keys: tuple[bytes, ...]) -> Erasures:
    """Return all erasures that were ever asked for."""
    erasures = Erasures(MemoryState(), keys)
    for record in reader.forward(ANALYST_DECISIONS):
        try:
            decision = decode_decision(event_data(record))
            stored = normalise_decision(decision, record.timestamp)
        except InvalidEvent:
            continue
        if stored.verdict == Verdict.ERASE:
            hashes = [text.removeprefix(HASH_PREFIX) for text in stored.identifiers]
            erasures.add(hashes, stored.decided_at)
    return erasures


def rewrite(settings: Settings, policy: Policy) -> list[Rewritten]:
    """Rewrite the topics that name anything erased; return what was done.

    Raises:
        BrokerUnreachableError: Kafka does not answer, or refuses; nothing is lost.
        NotSettled: the workers do not run or do not keep up.
    """
    done: list[Rewritten] = []
    with TopicReader(settings) as reader:
        erasures = known_erasures(reader, settings.national_id_keys())
        if not erasures:
            return []
        concerned = {
            topic
            for topic in KEPT_FOR_GOOD
            if any(kept.changed for kept in _kept(reader, topic, erasures, policy))
        }
        # A decision stands among the reports, as a pointer to its place: both go together.
        if concerned & {REPORTS, ANALYST_DECISIONS}:
            concerned |= {REPORTS, ANALYST_DECISIONS}
        topics = [topic for topic in KEPT_FOR_GOOD if topic in concerned]
        cuts = {TopicPartition(t, p): end for t in topics for p, end in reader.ends(t).items()}
        _require_right_to_cut(settings, cuts)
        for topic in topics:
            kept = _kept(reader, topic, erasures, policy)
            done.append(_copy(settings, kept, topic, cuts))
        _wait_for_workers(settings)
    if cuts:
        with admin_client(settings) as admin:
            admin.delete_records(cuts)
    return done


class _Kept(NamedTuple):
    """A record, what is to be written in its place (None: nothing), and whether that is new."""

    record: StoredRecord
    output: Output | None
    changed: bool


def _copy(
    settings: Settings,
    records: Iterator[_Kept],
    topic: str,
    cuts: Mapping[TopicPartition, int],
) -> Rewritten:
    copied = changed = left_out = 0
    waiting: list[Output] = []
    seen: set[bytes] = set()
    with connected_producer(settings) as producer:
        for record, output, is_changed in records:
            if record.offset >= cuts[TopicPartition(topic, record.partition)]:
                continue
            changed += is_changed
            if output is None:
                left_out += 1
                continue
            if (said := _digest(output)) in seen:
                continue
            seen.add(said)
            copied += 1
            waiting.append(output)
            if len(waiting) == COPIED_AT_A_TIME:
                publish_records(producer, waiting)
                waiting.clear()
                _wait_for_workers(settings)
        publish_records(producer, waiting)
    return Rewritten(topic, copied, changed, left_out)


def _digest(output: Output) -> bytes:
    """Return what tells a record from all that say something else (20 bytes each, in memory)."""
    digest = blake2b(output.key or b"", digest_size=20)
    digest.update(b"\0%d\0" % len(output.key or b""))
    digest.update(output.value or b"")
    return digest.digest()


def _require_right_to_cut(settings: Settings, cuts: Mapping[TopicPartition, int]) -> None:
    """Ask Kafka to cut off nothing: whoever may not do that shall not copy anything before."""
    if cuts:
        with admin_client(settings) as admin:
            admin.delete_records(dict.fromkeys(cuts, 0))


def _kept(reader: TopicReader, topic: str, erasures: Erasures, policy: Policy) -> Iterator[_Kept]:
    """Yield what is to be kept of each record of a topic, partition by partition."""
    left = _left_of(reader, topic, erasures, policy)
    for record in reader.forward(topic):
        if record.key == POINTER_KEY or record.value is None:
            # New places are written when the decisions are copied.
            yield _Kept(record, None, False)
            continue
        try:
            event = event_data(record) or b""
            value = left(event, record.timestamp)
        except InvalidEvent:
            # It is in the dead letters.
            yield _Kept(record, None, False)
            continue
        if value == event:
            headers, value = record.headers, record.value
        else:
            headers = [h for h in record.headers if h[0] != "content-type"]
            headers.append(("content-type", b"application/json"))
        key = _key(record.key, erasures) if topic == FREEZE_ALERTS else record.key
        output = Output(topic, key, value, headers, record.partition)
        changed = value != record.value
        yield _Kept(record, output if value is not None else None, changed)


def _left_of(
    reader: TopicReader, topic: str, erasures: Erasures, policy: Policy
) -> Callable[[bytes, int], bytes | None]:
    """Return what says, of an event recorded at a time (ms), what is to be kept of it."""
    if topic == REPORTS:
        return lambda value, at: report_left(value, at, erasures, policy)
    if topic == ANALYST_DECISIONS:
        return lambda value, at: decision_left(value, at, erasures)
    if topic == HOLD_UPDATES:
        return lambda value, at: update_left(value, at, erasures)
    values = (record.value for record in reader.forward(topic) if record.value)
    before = {alert_was_before(value, erasures) for value in values}
    return lambda value, _: alert_left(value, erasures, before.__contains__)


def _key(key: bytes | None, erasures: Erasures) -> bytes | None:
    """Return a record's key, the hash where it is an erased account's."""
    mark = erasures.hides((key or b"").decode("utf-8", "replace"), 0)
    return mark.encode() if mark else key


def _wait_for_workers(settings: Settings) -> None:
    """Wait until everything is answered, twice in a row: one's outputs are another's work."""
    deadline, calm = time.monotonic() + SETTLE_SECONDS, 0
    with LagReader(settings) as lags:
        while calm < 2:
            lag = lags.lag()
            calm = 0 if any(lag.values()) else calm + 1
            if time.monotonic() > deadline:
                raise NotSettled(f"the workers are still behind: {lag}")
            time.sleep(0.2)
