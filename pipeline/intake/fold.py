"""Transactions and hold updates become postings and account events, by partition of the account.

Analysts' decisions get their place among the reports (`pipeline.contracts.pointers`).

Stateless: a repeat gives the same postings under the same ids, and the accounts drop them there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.clustering.decisions import normalise_decision
from pipeline.contracts.account_log import (
    CASH,
    END_TO_END_ID,
    MAX_POSTINGS_A_RECORD,
    RETURNS,
    TX_ID,
    Answer,
    Arrival,
    Posting,
    Postings,
    encode_account_events,
    encode_log_entry,
    partition_of,
)
from pipeline.contracts.cloudevents import event_data
from pipeline.contracts.codec import checked_milliseconds
from pipeline.contracts.dead_letters import dead_letter
from pipeline.contracts.decisions import decode_decision
from pipeline.contracts.hold_updates import HoldUpdate, decode_hold_update
from pipeline.contracts.invalid import InvalidEvent
from pipeline.contracts.pointers import Pointer, pointer
from pipeline.contracts.transactions import (
    NOT_PROVIDED,
    Transaction,
    canonical_uetr,
    decode_transaction,
)
from pipeline.fold import Folded, Output, Record, Versions
from pipeline.intake.books import books_of
from pipeline.topics import ACCOUNT_LOG, ANALYST_DECISIONS, REPORTS, TRANSACTIONS

ARRIVAL_GRAIN_MS = 50
ARRIVALS_A_BATCH = 8
"""Payments that entered Kafka within so long of each other, or within so small a part of what
their batch covers, count as having come with the first: never too early, and few to write down."""


class IntakeFold:
    """The fold of one partition of ``transactions``, ``hold-updates`` or ``analyst-decisions``."""

    def __init__(self, topic: str, partition: int, account_log_partitions: int) -> None:
        self._topic = topic
        self._partition = partition
        self._partitions = account_log_partitions

    def apply(self, records: Sequence[Record], silent: bool = False) -> Folded:
        """Post a batch; what is not valid becomes a dead letter."""
        if self._topic == TRANSACTIONS:
            return self._post_transactions(records)
        if self._topic == ANALYST_DECISIONS:
            return self._point_at_decisions(records)
        return self._post_updates(records)

    def restore(self, records: Sequence[Record]) -> bool:
        """Nothing to take over: intake has no state."""
        return False

    def versions(self, topic: str, record: Record) -> Versions | None:
        """See `pipeline.fold.Fold.versions`."""
        return None

    def say_again(self, topic: str, keys: Sequence[bytes]) -> list[Output]:
        """See `pipeline.fold.Fold.say_again`."""
        return []

    def gauges(self) -> dict[str, float]:
        """No state, no sizes."""
        return {}

    def _post_transactions(self, records: Sequence[Record]) -> Folded:
        folded = Folded()
        books: list[list[Posting]] = [[] for _ in range(self._partitions)]
        entries: list[Posting] = []
        posted_at = 0
        runs: list[_Run] = []
        run_ends = -1
        covered = records[-1].timestamp - records[0].timestamp if records else 0
        grain = max(ARRIVAL_GRAIN_MS, covered // ARRIVALS_A_BATCH)
        for record in records:
            recorded_at = record.timestamp
            if recorded_at > run_ends:
                runs.append(_Run(recorded_at, [len(book) for book in books]))
                run_ends = recorded_at + grain
            try:
                transaction = decode_transaction(event_data(record))
                entries = postings_of(transaction, recorded_at)
            except InvalidEvent as why:
                self._refuse(record, why, folded)
                continue
            posted_at = recorded_at
            for entry in entries:
                books[partition_of(entry.account, self._partitions)].append(entry)
        if folded.counts.total() < len(records):
            # One a batch: an observation costs as much as posting a payment.
            delay = (posted_at - entries[0].at) / 1000
            folded.observations.append((("event_delay_seconds", "intake"), delay))
        for partition, postings in enumerate(books):
            for start in range(0, len(postings), MAX_POSTINGS_A_RECORD):
                part = postings[start : start + MAX_POSTINGS_A_RECORD]
                arrived = _arrived(runs, partition, start, start + len(part))
                value = encode_log_entry(Postings(part, arrived))
                folded.outputs.append(Output(ACCOUNT_LOG, None, value, (), partition))
        return folded

    def _post_updates(self, records: Sequence[Record]) -> Folded:
        folded = Folded()
        answers: list[list[Answer]] = [[] for _ in range(self._partitions)]
        for record in records:
            try:
                update = decode_hold_update(event_data(record))
                answer = answer_of(update, record.timestamp)
            except InvalidEvent as why:
                self._refuse(record, why, folded)
                continue
            answers[partition_of(answer.account, self._partitions)].append(answer)
        for partition, events in enumerate(answers):
            for value in encode_account_events(events):
                folded.outputs.append(Output(ACCOUNT_LOG, None, value, (), partition))
        return folded

    def _point_at_decisions(self, records: Sequence[Record]) -> Folded:
        folded = Folded()
        for record in records:
            try:
                normalise_decision(decode_decision(event_data(record)), record.timestamp)
            except InvalidEvent as why:
                self._refuse(record, why, folded)
                continue
            at = Pointer(self._topic, self._partition, record.offset)
            folded.outputs.append(pointer(REPORTS, 0, at))
        return folded

    def _refuse(self, record: Record, why: InvalidEvent, folded: Folded) -> None:
        folded.outputs.append(dead_letter(self._topic, self._partition, record, why))
        folded.counts["dead_letters", self._topic, why.reason.value] += 1


class _Run(NamedTuple):
    """Payments that entered Kafka at about one time, and how long each book was before them."""

    at: int
    lengths: list[int]


def _arrived(runs: list[_Run], partition: int, start: int, stop: int) -> list[Arrival]:
    """Return when the postings from ``start`` to below ``stop`` of a partition's book came."""
    if len(runs) == 1:
        return [Arrival(runs[0].at, stop - start)]
    begins = [run.lengths[partition] for run in runs]
    ends = [*begins[1:], stop]
    found = []
    for run, begin, end in zip(runs, begins, ends, strict=True):
        count = min(end, stop) - max(begin, start)
        if count > 0:
            found.append(Arrival(run.at, count))
    return found


def postings_of(transaction: Transaction, recorded_at: int) -> list[Posting]:
    """Return the double entry of a payment: a debit in the payer's books, a credit in the payee's.

    Where a side has several books (an account and the PromptPay proxy that led to it), each gets
    the posting, and a proxy's posting names the account behind it among its references. Where a
    side is cash, the payment stands in the other side's books alone.

    Raises:
        InvalidEvent: an absurd time, or a side that names nothing that can hold money.
    """
    at = checked_milliseconds(transaction.occurred_at, recorded_at, "$.occurred_at")
    payers = books_of(transaction.payer, "$.payer")
    payees = books_of(transaction.payee, "$.payee")
    key = transaction.key
    amount = transaction.amount_satang
    names = _references(transaction)
    if not payers:
        return _of_one_side(payees, key, at, amount, transaction.payee_balance_satang, names)
    if not payees:
        return _of_one_side(payers, key, at, -amount, transaction.payer_balance_satang, names)
    postings = [
        Posting(
            payers[0],
            key,
            at,
            -amount,
            payees[0],
            transaction.payer_balance_satang,
            names,
        ),
        Posting(
            payees[0],
            key,
            at,
            amount,
            payers[0],
            transaction.payee_balance_satang,
            names,
        ),
    ]
    if len(payers) == len(payees) == 1:
        return postings
    for book in payers[1:]:
        postings.append(Posting(book, key, at, -amount, payees[0], None, (*names, payers[0])))
    for book in payees[1:]:
        postings.append(Posting(book, key, at, amount, payers[0], None, (*names, payees[0])))
    return postings


def _of_one_side(
    books: list[str],
    key: str,
    at: int,
    amount: int,
    balance: int | None,
    names: tuple[str, ...],
) -> list[Posting]:
    """Return the postings of a payment whose other side is cash."""
    first = Posting(books[0], key, at, amount, CASH, balance, names)
    behind = (*names, books[0])
    return [first, *(Posting(book, key, at, amount, CASH, None, behind) for book in books[1:])]


def _references(transaction: Transaction) -> tuple[str, ...]:
    """Return by which other names the payment may be known, and which payment it returns."""
    uetr, end_to_end, returned = (
        transaction.uetr,
        transaction.end_to_end_id,
        transaction.return_of,
    )
    if uetr is end_to_end is returned is None:
        return ()
    names = []
    if uetr and (canonical := canonical_uetr(uetr)):
        names.append(TX_ID + transaction.transaction_id)
        if canonical != uetr:
            # As it stands on a slip.
            names.append(TX_ID + uetr)
    if end_to_end and end_to_end != NOT_PROVIDED:
        names.append(END_TO_END_ID + end_to_end)
    if returned and returned != NOT_PROVIDED and (canonical := canonical_uetr(returned)):
        names.append(RETURNS + canonical)
    return tuple(names)


def answer_of(update: HoldUpdate, recorded_at: int) -> Answer:
    """Return the account event of a bank's or the police's answer.

    Raises:
        InvalidEvent: an absurd time, or no account.
    """
    return Answer(
        account=books_of(update.account, "$.account")[0],
        update_id=update.key,
        status=update.status.value,
        at=checked_milliseconds(update.occurred_at, recorded_at, "$.occurred_at"),
        alert_id=update.alert_id,
        held=update.held_satang,
        balance=update.balance_satang,
        police_case=update.police_case,
    )
