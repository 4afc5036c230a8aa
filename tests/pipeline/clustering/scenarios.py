"""Reports for tests, as events, and a small driver of the fold."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from hypothesis import strategies as st

from pipeline.clustering.fold import ClusteringFold
from pipeline.clustering.normalised import StoredReport, normalise_report
from pipeline.contracts.account_log import AccountEvents, Claim, Level, decode_log_entry
from pipeline.contracts.reports import decode_report
from pipeline.fold import Folded, LogRecord
from pipeline.policy.policy import Policy, load_policy
from pipeline.state import MemoryState, Table
from pipeline.topics import ANALYST_DECISIONS
from tests.pipeline.clustering.oracle import Oracle

RECORDED_AT = 1_795_500_000_000
RECEIVED = "2026-11-20T10:{minute:02d}:00+07:00"


def person(name: str) -> str:
    """Return a stand-in for the keyed hash of a reporter's national ID."""
    return hashlib.sha256(name.encode()).hexdigest()


def account(number: str, bank: str | None = "004", holder: str | None = None) -> dict[str, Any]:
    """Return an account suspect."""
    suspect = {"kind": "account", "number": number}
    if bank:
        suspect["bank"] = bank
    if holder:
        suspect["holder"] = holder
    return suspect


def phone(number: str) -> dict[str, Any]:
    """Return a phone suspect."""
    return {"kind": "phone", "number": number}


def somebody(name: str, birth: str | None = None, home: str | None = None) -> dict[str, Any]:
    """Return a person suspect."""
    return {"kind": "person", "name": name, "birth_date": birth, "address": home}


def line(name: str) -> dict[str, Any]:
    """Return a LINE handle."""
    return {"kind": "handle", "platform": "line", "handle": name}


def tellings(suspects: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return reports, and corrections of reports, of two victims and of nobody in particular."""
    return st.builds(
        report,
        st.sampled_from([str(number) for number in range(12)]),
        st.lists(suspects, min_size=1, max_size=3),
        kind=st.sampled_from(["submitted", "submitted", "corrected"]),
        victim=st.sampled_from(["ann", "bob", None, None]),
        verified=st.booleans(),
        revision=st.integers(1, 2),
    )


def pay(number: str, amount: int, paid_at: str, bank: str = "004", **more: Any) -> dict[str, Any]:
    """Return a disputed payment to an account."""
    to = {"bank": bank, "account": number}
    return {"paid_at": paid_at, "amount_satang": amount, "to": to, **more}


def report(
    report_id: str,
    suspects: Sequence[dict[str, Any]] = (),
    *,
    source: str = "aoc1441",
    kind: str = "submitted",
    minute: int = 0,
    victim: str | None = None,
    verified: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """Return a report event; ``victim`` names the reporter, each report its own by default."""
    return {
        "source": source,
        "report_id": report_id,
        "kind": kind,
        "received_at": RECEIVED.format(minute=minute),
        "reporter": {
            "person": person(victim or report_id),
            "verified_by": "thaid" if verified else "none",
        },
        "suspects": list(suspects),
        **more,
    }


def decision(
    decision_id: str,
    verdict: str,
    *identifiers: str,
    minute: int = 0,
    kind: str = "made",
    revision: int = 1,
) -> dict[str, Any]:
    """Return an analyst's decision about identifiers, as their keys."""
    return {
        "source": "aoc1441",
        "decision_id": decision_id,
        "kind": kind,
        "decided_at": RECEIVED.format(minute=minute),
        "revision": revision,
        "analyst": "shift-b-07",
        "reason": "A test says so.",
        "verdict": verdict,
        "identifiers": list(identifiers),
    }


def small_policy(**changes: Any) -> Policy:
    """Return the default policy with other clustering limits."""
    policy = load_policy()
    hubs = changes.pop("hub", None)
    rules = policy.clustering
    if hubs is not None:
        limits = dict.fromkeys(type(rules.hub_limit).model_fields, hubs)
        changes["hub_limit"] = rules.hub_limit.model_copy(update=limits)
    return policy.model_copy(update={"clustering": rules.model_copy(update=changes)})


class Run:
    """A fold over an in-memory state, and everything it said."""

    def __init__(
        self, policy: Policy | None = None, partitions: int = 2, state: MemoryState | None = None
    ) -> None:
        self.state = state or MemoryState()
        self.fold = ClusteringFold(self.state, policy or load_policy(), partitions)
        self.offset = 0
        self.folded: list[Folded] = []

    def feed(self, events: Iterable[dict[str, Any] | bytes]) -> Folded:
        """Fold events as one batch."""
        records = []
        for event in events:
            value = event if isinstance(event, bytes) else orjson.dumps(event)
            decided = isinstance(event, dict) and "decision_id" in event
            topic = ANALYST_DECISIONS if decided else ""
            at = RECORDED_AT + self.offset
            records.append(LogRecord(self.offset, at, None, value, topic=topic))
            self.offset += 1
        folded = self.fold.apply(records)
        self.folded.append(folded)
        return folded

    def newest(self, topic: str) -> dict[str, dict[str, Any]]:
        """Return the last value of each key of a topic; versions must have risen by one."""
        last: dict[str, dict[str, Any]] = {}
        for folded in self.folded:
            for output in folded.outputs:
                if output.topic != topic:
                    continue
                assert output.key is not None
                assert output.value is not None
                value = orjson.loads(output.value)
                before = last.get(output.key.decode(), {"version": 0})
                assert value["version"] == before["version"] + 1
                last[output.key.decode()] = value
        return last

    def clusters(self) -> set[frozenset[str]]:
        """Return the final clusters as sets of identifiers."""
        newest = self.newest("clusters").values()
        return {frozenset(c["members"]) for c in newest if c["members"]}

    def cluster_of(self, identifier: str) -> dict[str, Any]:
        """Return the final cluster that holds an identifier."""
        for cluster in self.newest("clusters").values():
            if identifier in cluster["members"]:
                return cluster
        raise KeyError(identifier)

    def log(self) -> list[Claim | Level]:
        """Return every claim and level, in order."""
        found: list[Claim | Level] = []
        for folded in self.folded:
            for output in folded.outputs:
                if output.topic == "account-log":
                    entry = decode_log_entry(output.value)
                    assert isinstance(entry, AccountEvents)
                    found += [e for e in entry.events if isinstance(e, Claim | Level)]
        return found

    def levels(self) -> dict[str, Level]:
        """Return the newest level of each account."""
        newest: dict[str, Level] = {}
        for event in self.log():
            if isinstance(event, Level):
                before = newest.get(event.account)
                assert event.version == (before.version + 1 if before else 1)
                newest[event.account] = event
        return newest

    def claims(self) -> dict[tuple[str, str], Claim]:
        """Return the newest word of each claim; the version must have risen."""
        newest: dict[tuple[str, str], Claim] = {}
        for event in self.log():
            if isinstance(event, Claim):
                key = event.account, event.claim_id
                assert key not in newest or newest[key].version < event.version
                newest[key] = event
        return newest


def newest(run: Run, topic: str) -> list[bytes]:
    """Return the last value of each key of a topic."""
    values: dict[bytes | None, bytes] = {}
    for folded in run.folded:
        values |= {o.key: o.value or b"" for o in folded.outputs if o.topic == topic}
    return list(values.values())


def stored(event: dict[str, Any], policy: Policy) -> StoredReport:
    """A report as the fold keeps it."""
    return normalise_report(decode_report(orjson.dumps(event)), RECORDED_AT, policy)


def check_definition(policy: Policy, told: list[dict[str, Any]], seed: int) -> None:
    """The clusters of reports that come in any order are those of the naive definition."""
    oracle = Oracle([stored(event, policy) for event in told], policy)
    run = Run(policy)
    for event in random.Random(seed).sample(told, len(told)):
        run.feed([event])
    assert run.clusters() == oracle.clusters()


class KilledState(MemoryState):
    """What a killed worker leaves: its tables are kept, and are ahead of its rows."""

    def __init__(self) -> None:
        super().__init__()
        self._tables: dict[str, Table] = {}

    def table(self, name: str, size: int) -> Table:
        return self._tables.setdefault(name, super().table(name, size))

    def copy(self) -> KilledState:
        """Return a state with the same tables, and rows of its own."""
        copy = KilledState()
        copy._entries, copy._tables = self._entries.copy(), self._tables
        return copy


def check_begins_again(policy: Policy, told: list[dict[str, Any]], stops: set[int]) -> None:
    """A fold that begins again from its state before these places says the same.

    So does one whose worker was killed there when it had folded more, but had not written it.
    """
    left = KilledState()
    through, again, killed = Run(policy), Run(policy), Run(policy, state=left)
    for place, event in enumerate(told):
        if place in stops:
            again.fold = ClusteringFold(again.state, policy, 2)
            lost = Run(policy, state=left.copy())
            lost.feed(told[place : place + 3])
            killed.fold = ClusteringFold(killed.state, policy, 2)
        said = through.feed([event])
        assert again.feed([event]) == said
        assert killed.feed([event]) == said
    for run in (again, killed):
        assert list(run.state.scan(b"", b"\xff")) == list(through.state.scan(b"", b"\xff"))
