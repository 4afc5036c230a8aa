"""A change of the key that hashes national IDs: old and new hashes of one person are one voice."""

from __future__ import annotations

import hashlib
import hmac
import random
from typing import Any

import orjson
import pytest

from pipeline.clustering.fold import ClusteringFold
from pipeline.fold import Folded, LogRecord
from pipeline.identity.national_id import hash_national_id
from pipeline.identity.voices import lifted_voice, newest_hash, voice_of
from pipeline.policy.policy import load_policy
from pipeline.state import MemoryState
from tests.pipeline.accounts.two_keys import held_with
from tests.pipeline.clustering.scenarios import RECORDED_AT, account, pay, phone, report

FIRST, SECOND, THIRD = b"first key" * 4, b"second key" * 4, b"third key" * 4
NUMBER = "1101700230708"
PAID = "2026-11-20T09:00:00+07:00"


def by(person: str, generation: int, report_id: str, **more: Any) -> dict[str, Any]:
    """A verified report with a reporter's hash as a sender of that generation makes it."""
    event = report(report_id, [account("0123456789"), phone("0812345678")], **more)
    event["reporter"]["person"] = person
    event["hash_generation"] = generation
    return event


def hashed(keys: list[bytes], number: str = NUMBER) -> str:
    return newest_hash(number, keys)


class Clustering:
    """A fold that may be opened again with other keys."""

    def __init__(self, keys: list[bytes]) -> None:
        self.state = MemoryState()
        self.offset = 0
        self.folded: list[Folded] = []
        self.open(keys)

    def open(self, keys: list[bytes]) -> None:
        self.fold = ClusteringFold(self.state, load_policy(), 2, keys)

    def feed(self, *events: dict[str, Any]) -> Folded:
        records = []
        for event in events:
            at = RECORDED_AT + self.offset
            records.append(LogRecord(self.offset, at, None, orjson.dumps(event)))
            self.offset += 1
        self.folded.append(self.fold.apply(records))
        return self.folded[-1]

    def voices(self) -> int:
        said = [
            orjson.loads(o.value or b"")
            for folded in self.folded
            for o in folded.outputs
            if o.topic == "watchlist" and o.key == b"account:004:0123456789"
        ]
        return int(said[-1]["voices"])


def test_a_later_hash_is_made_of_the_earlier_one_and_the_new_key_alone() -> None:
    old = hash_national_id(NUMBER, FIRST)
    new = hmac.new(SECOND, old.encode(), hashlib.sha256).hexdigest()
    assert hashed([FIRST]) == old
    assert hashed([FIRST, SECOND]) == new
    # Whoever lifts it needs neither the number nor the first key.
    assert lifted_voice(voice_of(old, 1), [b"?" * 32, SECOND]) == voice_of(new, 2)
    assert lifted_voice("aoc-1441/a.report", [FIRST, SECOND]) == "aoc-1441/a.report"


@pytest.mark.parametrize("seed", range(6))
def test_one_person_under_either_key_is_one_voice_in_any_order(seed: int) -> None:
    keys = [FIRST, SECOND, THIRD]
    events = [
        by(hashed(keys[:generation]), generation, f"r{generation}", minute=generation)
        for generation in (1, 2, 3)
    ]
    events.append(by(hashed(keys, "3100600445121"), 3, "another", minute=9))
    random.Random(seed).shuffle(events)
    run = Clustering(keys)
    for event in events:
        run.feed(event)
    assert run.voices() == 2


def test_a_worker_that_gets_the_new_key_keeps_the_links_of_its_state() -> None:
    run = Clustering([FIRST])
    run.feed(by(hashed([FIRST]), 1, "before", minute=1))
    assert run.voices() == 1
    run.open([FIRST, SECOND])
    run.feed(by(hashed([FIRST, SECOND]), 2, "after", minute=2))
    assert run.voices() == 1
    run.feed(by(hashed([FIRST]), 1, "a sender who has not changed yet", minute=3))
    assert run.voices() == 1
    fresh = Clustering([FIRST, SECOND])
    fresh.feed(
        by(hashed([FIRST]), 1, "before", minute=1),
        by(hashed([FIRST, SECOND]), 2, "after", minute=2),
        by(hashed([FIRST]), 1, "a sender who has not changed yet", minute=3),
    )
    rows = [dict(state.scan(b"r", b"s")) for state in (run.state, fresh.state)]
    assert rows[0] == rows[1], "a state that was lifted is the one that is folded anew"


def test_a_state_that_was_lifted_is_opened_again_as_it_is() -> None:
    run = Clustering([FIRST, SECOND])
    run.feed(by(hashed([FIRST]), 1, "before", minute=1))
    rows = dict(run.state.scan(b"", b"\xff"))
    run.open([FIRST, SECOND])
    run.feed(by(hashed([FIRST]), 1, "before", minute=1))
    assert dict(run.state.scan(b"", b"\xff")) == rows


def test_many_reports_of_one_state_are_lifted() -> None:
    numbers = [f"{n:012d}" for n in range(30)]
    run = Clustering([FIRST])
    run.feed(*(by(hashed([FIRST], n), 1, f"old{n}", minute=1) for n in numbers))
    assert run.voices() == 30
    run.open([FIRST, SECOND])
    run.feed(*(by(hashed([FIRST, SECOND], n), 2, f"new{n}", minute=2) for n in numbers))
    assert run.voices() == 30


def test_a_hash_of_a_key_that_is_not_there_yet_waits_in_the_dead_letters() -> None:
    run = Clustering([FIRST])
    folded = run.feed(by(hashed([FIRST, SECOND]), 2, "too early"))
    letters = [o for o in folded.outputs if o.topic == "reports-dead-letters"]
    assert len(letters) == 1
    assert ("dlq.field", b"$.hash_generation") in letters[0].headers


def test_the_accounts_take_two_claims_of_one_person_about_one_payment_as_one() -> None:
    payments = [pay("0123456789", 500_000, PAID)]
    run = Clustering([FIRST])
    run.feed(by(hashed([FIRST]), 1, "before", payments=payments))
    run.open([FIRST, SECOND])
    run.feed(by(hashed([FIRST, SECOND]), 2, "after", payments=payments))
    log = [o for folded in run.folded for o in folded.outputs if o.topic == "account-log"]
    assert held_with(log, 2, [FIRST, SECOND]) == 500_000
