"""The fold of the account-log: look-back memory for all, a file for accounts with a case.

Every record is one step: its events are added, each touched file is decided once, and the
differences leave. Versions therefore depend on the log alone, not on how it was fetched. Only how
many records carry what a batch tells other accounts is the batch's: as few as may be.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from pipeline.accounts.causes import alert_output, cause_of
from pipeline.accounts.counted import count, count_answered, count_repeat
from pipeline.accounts.differences import Cause, Differences
from pipeline.accounts.erased import ERASURE_KEY, ErasedAccounts
from pipeline.accounts.erasing import (
    accounts_to_look_at,
    event_left,
    file_left,
    postings_left,
    says_nothing,
)
from pipeline.accounts.file import posting_id
from pipeline.accounts.lookback import LookBack
from pipeline.accounts.open_file import OpenFile, lifted_claim
from pipeline.accounts.parts import BLOCK_ROWS, HEAD_ROWS, account_of, is_block, read_mark
from pipeline.contracts.account_log import (
    CASH,
    AccountEvent,
    AccountEvents,
    Claim,
    Erasure,
    Notice,
    Posting,
    Postings,
    decode_log_entry,
    encode_account_events,
    partition_of,
    written_parts,
)
from pipeline.contracts.dead_letters import dead_letter
from pipeline.contracts.invalid import InvalidEvent
from pipeline.erasure import is_erased
from pipeline.fold import Folded, Output, Record, Versions
from pipeline.policy.policy import HOUR_MS, Policy
from pipeline.state import State, scan_prefix
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG

FILES_IN_MEMORY = 4_000
"""Open files kept for the next event (about 17 KB each, also a short one); the rest are read from
the state."""

POSTINGS_IN_MEMORY = 100_000
"""Postings and claims that the open files kept may have in all, so that long files do not fill the
memory (about 1.5 KB each); the file that was used last is kept whatever its length."""

_DUE = b"d"
_NOW = b"m/now"


class AccountsFold:
    """The fold of one partition of the account-log.

    ``state`` prefixes: ``b``, ``l`` and ``w`` look-back memory, ``f`` heads of files, ``p`` their
    blocks, ``d`` clocks, ``m`` the newest tick.
    """

    def __init__(
        self,
        state: State,
        policy: Policy,
        partition: int,
        account_log_partitions: int,
        keys: Sequence[bytes] = (),
        files_later: bool = False,
    ) -> None:
        """Fold over ``state``; ``keys`` are those that hash identifiers, oldest first.

        A batch's files are left to `Folded.rest` if they may be written ``files_later``."""
        self._state = state
        self._keys = tuple(keys)
        self._files_later = files_later
        self._erased = ErasedAccounts(state, keys)
        self._erasures = self._erased.erasures
        self._policy = policy
        self._partition = partition
        self._partitions = account_log_partitions
        self._with_file = {key[1:].decode() for key, _ in scan_prefix(state, HEAD_ROWS)}
        self._files: OrderedDict[str, OpenFile] = OrderedDict()
        self._dirty: dict[str, OpenFile] = {}
        self._entries_in_memory = 0
        self._events_out: dict[int, list[AccountEvent]] = {}
        """By partition: what the batch tells accounts there."""
        now = state.get(_NOW)
        self._now = int.from_bytes(now, "big") if now else 0
        self._lookback = LookBack(state, policy.look_back_hours, self._now)

    def apply(self, records: Sequence[Record], silent: bool = False) -> Folded:
        """Fold a batch; see the module's docstring."""
        folded = Folded()
        self._events_out.clear()
        for record in records:
            try:
                entry = decode_log_entry(record.value)
            except InvalidEvent as why:
                folded.outputs.append(dead_letter(ACCOUNT_LOG, self._partition, record, why))
                folded.counts["dead_letters", ACCOUNT_LOG, why.reason.value] += 1
                continue
            count_answered(entry, record, folded)
            if isinstance(entry, Postings):
                self._postings(entry.postings, record, silent, folded)
            elif isinstance(entry, AccountEvents):
                self._events(entry.events, record, folded)
            elif isinstance(entry, Erasure):
                self._erase(entry, record, folded)
            else:
                self._tick(entry.at, record, folded)
        if records:
            self._lookback.flush(records[-1].offset)
        self._send_events(folded)
        folded.rest = self._write_files if self._dirty else None
        return folded if self._files_later else folded.whole()

    def restore(self, records: Sequence[Record]) -> bool:
        """Take over parts of files; a head of a lower version than the known is an older writer's.

        Heads and blocks may come in any order; a block without a head stays unused. Returns
        whether there was an erasure.
        """
        erased = False
        for record in records:
            key = record.key
            if key is None:
                continue
            if is_block(key):
                if record.value:
                    self._state.put(BLOCK_ROWS + key, record.value)
                else:
                    self._state.delete(BLOCK_ROWS + key)
            elif key.startswith(ERASURE_KEY):
                self._restore_erasure(key, record.value or b"")
                erased = True
            elif record.value:
                self._restore_head(key, record.value)
            else:
                self._end(key.decode())
        return erased

    def _restore_head(self, key: bytes, value: bytes) -> None:
        account, head = key.decode(), read_mark(value)
        if self._erased.older(account, head.version):
            return
        before = self._state.get(HEAD_ROWS + key)
        if before is not None:
            known = read_mark(before)
            if known.version >= head.version:
                return
            if known.due is not None:
                self._state.delete(_due_key(known.due, account))
        self._state.put(HEAD_ROWS + key, value)
        if head.due is not None:
            self._state.put(_due_key(head.due, account), b"")
        self._with_file.add(account)
        self._drop(account)

    def versions(self, topic: str, record: Record) -> Versions | None:
        """See `pipeline.fold.Fold.versions`.

        A block never changes: only its end can be said wrongly, by an owner who is gone.
        """
        known = self._known_version(record.key) if record.key else None
        if known is None:
            # A former owner's record of a file that has ended: its end is said again.
            account = account_of(record.key or b"").decode("utf-8", "replace")
            return self._erased.versions(account, record.value)
        return Versions(read_mark(record.value).version if record.value else 0, known)

    def _known_version(self, key: bytes) -> int | None:
        """Return the version of a part as the state has it; None: it has no such part."""
        opened = self._files.get(key.decode("utf-8", "replace"))
        if opened is not None:
            # Between batches it is what the state has, and nearly all that comes back is new.
            return opened.file.version
        known = self._part(key)
        return read_mark(known).version if known is not None else None

    def say_again(self, topic: str, keys: Sequence[bytes]) -> list[Output]:
        """See `pipeline.fold.Fold.say_again`."""
        parts = ((key, self._part(key)) for key in keys)
        return [
            self._part_output(key, part)
            for key, part in parts
            if part is not None or self._erased.ended(account_of(key).decode())
        ]

    def _part(self, key: bytes) -> bytes | None:
        return self._state.get((BLOCK_ROWS if is_block(key) else HEAD_ROWS) + key)

    def gauges(self) -> dict[str, float]:
        """The number of account files in this partition, and what time it is by its clock."""
        tick = {"newest_tick_seconds": self._now / 1000} if self._now else {}
        return {"account_files": float(len(self._with_file)), **tick}

    def _postings(
        self, postings: list[Posting], record: Record, silent: bool, folded: Folded
    ) -> None:
        touched: dict[str, str] = {}
        to_remember: list[Posting] = []
        written = written_parts(record.value or b"")
        for posting in postings_left(
            self._lookback.take(postings, written, self._with_file), self._erasures
        ):
            opened = self._file(posting.account)
            if silent and record.offset < opened.file.version:
                # The file was restored and has all of this record that it ever had: to change it
                # now would be never to be heard of. What came before its case is no part of it,
                # but may be taken over by it later.
                if not opened.file.remembered:
                    to_remember.append(posting)
            elif opened.add_posting(posting):
                touched.setdefault(posting.account, posting.transaction)
                continue
            count_repeat(opened, folded)
        self._lookback.remember(to_remember)
        for account, transaction in touched.items():
            self._settle(account, Cause(transaction, record.timestamp), record, folded)

    def _events(self, events: list[AccountEvent], record: Record, folded: Folded) -> None:
        touched: dict[str, Cause] = {}
        for event in events:
            owner = partition_of(event.account, self._partitions)
            if owner != self._partition or event.account == CASH:
                folded.counts["limit_hits", "foreign_account"] += 1
                continue
            if self._erasures:
                left = event_left(event, self._erasures)
                if left is None:
                    continue
                event = left
            if isinstance(event, Claim):
                event = lifted_claim(event, self._keys)
            opened = self._opened(event, record)
            if opened.add_event(event):
                touched[event.account] = cause_of(event, record)
            else:
                folded.counts["duplicates", "accounts"] += 1
        for account, cause in touched.items():
            self._settle(account, cause, record, folded)

    def _tick(self, at: int, record: Record, folded: Folded) -> None:
        if at <= self._now:
            return
        if at // HOUR_MS != self._now // HOUR_MS:
            self._lookback.flush(record.offset)
            self._lookback.expire(at)
        self._now = at
        self._state.put(_NOW, at.to_bytes(8, "big"))
        due = [key for key, _ in self._state.scan(_DUE, _due_key(at + 1, ""))]
        for key in due:
            self._state.delete(key)
            self._settle(key[9:].decode(), Cause("tick", record.timestamp), record, folded)

    def _erase(self, erasure: Erasure, record: Record, folded: Folded) -> None:
        """Forget in all files what was received before an erasure and names what it erases."""
        folded.outputs += self._write_files()
        parts: list[tuple[bytes, bytes | None]] = [*self._erased.note(erasure, record.offset)]
        for account in accounts_to_look_at(self._state, self._erasures):
            opened = self._file(account)
            self._drop(account)
            left = file_left(opened.file, self._erasures)
            self._files[account] = anew = opened.in_place_of(left)
            self._settle(account, Cause("erasure", record.timestamp), record, folded)
            if says_nothing(left):
                self._end(account)
                parts += [(key, None) for key in dict.fromkeys((*opened.parts(), *anew.parts()))]
        folded.outputs += [self._part_output(key, value) for key, value in parts]
        folded.scrub = True

    def _end(self, account: str) -> None:
        """Let a file be no more."""
        opened = self._dirty.pop(account, None)
        head = self._state.get(HEAD_ROWS + account.encode())
        due = opened.file.due if opened is not None else read_mark(head).due if head else None
        if due is not None:
            self._state.delete(_due_key(due, account))
        for key in opened.parts() if opened is not None else ():
            self._state.delete(BLOCK_ROWS + key)
        self._state.delete(HEAD_ROWS + account.encode())
        self._with_file.discard(account)
        self._drop(account)

    def _restore_erasure(self, key: bytes, value: bytes) -> None:
        self._erased.restore(key, value)
        for account in list(self._with_file):
            head = self._state.get(HEAD_ROWS + account.encode())
            if head is not None and self._erased.older(account, read_mark(head).version):
                self._end(account)

    def _part_output(self, key: bytes, value: bytes | None) -> Output:
        return Output(ACCOUNT_FILES, key, value, (), self._partition, last=True)

    def _opened(self, event: AccountEvent, record: Record) -> OpenFile:
        """Return the file of the event's account, a new one at the first event of its case.

        With any event but a notice it takes over what the look-back memory holds of the account.
        """
        account, takes_over = event.account, not isinstance(event, Notice)
        if account not in self._with_file:
            self._with_file.add(account)
            remembered = self._remembered(account, record) if takes_over else None
            begun = OpenFile.begun(account, remembered, self._policy, self._state)
            self._files[account] = self._dirty[account] = begun
        opened = self._file(account)
        if takes_over and not opened.file.remembered:
            for posting in self._remembered(account, record):
                opened.add_posting(posting)
            opened.file.remembered = True
        return opened

    def _remembered(self, account: str, record: Record) -> list[Posting]:
        """Return what the look-back memory holds of the account, in order of time."""
        self._lookback.flush(record.offset)
        remembered = postings_left(self._lookback.of(account), self._erasures)
        return sorted(remembered, key=lambda p: (p.at, posting_id(p)))

    def _file(self, account: str) -> OpenFile:
        """Return the account's file, read once while it is in use."""
        opened = self._files.get(account)
        if opened is not None:
            self._files.move_to_end(account)
            return opened
        opened = self._dirty.get(account)
        if opened is None:
            opened = OpenFile.read(account, self._policy, self._state, self._keys)
        self._files[account] = opened
        self._count(opened)
        return opened

    def _settle(self, account: str, cause: Cause, record: Record, folded: Folded) -> None:
        """Decide and differ once, and set the file's clock."""
        opened = self._file(account)
        before = opened.file.due
        settled = opened.settle(self._now, record.offset, cause)
        count(opened, settled, cause, folded)
        due = opened.file.due
        if before is not None and before != due:
            self._state.delete(_due_key(before, account))
        if due is not None:
            self._state.put(_due_key(due, account), b"")
        self._dirty[account] = opened
        self._send(settled.differences, cause, folded)

    def _send(self, differences: Differences, cause: Cause, folded: Folded) -> None:
        for alert in differences.alerts:
            folded.outputs.append(alert_output(alert, cause.at if cause.by_report else None))
        for event in differences.events():
            if is_erased(event.account):
                continue
            partition = partition_of(event.account, self._partitions)
            self._events_out.setdefault(partition, []).append(event)

    def _send_events(self, folded: Folded) -> None:
        """Send what the batch tells other accounts, few records to each partition.

        They leave before the alerts, because others go on from them.
        """
        folded.outputs[:0] = [
            Output(ACCOUNT_LOG, None, value, (), partition)
            for partition, events in self._events_out.items()
            for value in encode_account_events(events)
        ]

    def _write_files(self) -> list[Output]:
        """Write the batch's changed files to the state; return them for their topic."""
        outputs: list[Output] = []
        for opened in self._dirty.values():
            outputs += [self._part_output(key, value) for key, value in opened.written()]
            self._count(opened)
        self._dirty.clear()
        while len(self._files) > FILES_IN_MEMORY or (
            self._entries_in_memory > POSTINGS_IN_MEMORY and len(self._files) > 1
        ):
            self._drop(next(iter(self._files)))
        return outputs

    def _count(self, opened: OpenFile) -> None:
        entries = len(opened.file.postings) + len(opened.file.claims)
        self._entries_in_memory += entries - opened.counted
        opened.counted = entries

    def _drop(self, account: str) -> None:
        """Keep the file in memory no longer."""
        opened = self._files.pop(account, None)
        if opened is not None:
            self._entries_in_memory -= opened.counted


def _due_key(due: int, account: str) -> bytes:
    return _DUE + due.to_bytes(8, "big") + account.encode()
