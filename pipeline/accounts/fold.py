"""The fold of the account-log: look-back memory for all, a file for accounts with a case.

Every record is one step: its events are added, each touched file is decided once, and the
differences leave. Versions therefore depend on the log alone, not on how it was fetched.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from pipeline.accounts.decision import decide
from pipeline.accounts.file import (
    AccountFile,
    add_event,
    add_posting,
    decode_file,
    encode_file,
)
from pipeline.accounts.lookback import LookBack
from pipeline.accounts.versions import Cause, Differences, differ
from pipeline.contracts.account_log import (
    AccountEvent,
    AccountEvents,
    Answer,
    Claim,
    Level,
    Notice,
    Posting,
    Postings,
    decode_log_entry,
    encode_log_entry,
    partition_of,
)
from pipeline.contracts.alerts import FreezeAlert
from pipeline.contracts.cloudevents import headers_out
from pipeline.contracts.codec import encode_json
from pipeline.contracts.dead_letters import dead_letter
from pipeline.contracts.invalid import InvalidEvent
from pipeline.fold import Folded, Output, Record
from pipeline.policy.policy import HOUR_MS, Policy
from pipeline.state import State, scan_prefix
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG, FREEZE_ALERTS

FILES_IN_MEMORY = 20_000
"""Decoded files kept for the next event; the rest are read from the state."""

_FILE = b"f"
_DUE = b"d"
_NOW = b"m/now"


class _Version(msgspec.Struct):
    """The version of a file and nothing else of it: it is read off everything that we write."""

    version: int = 0


_VERSION = msgspec.json.Decoder(_Version)


class AccountsFold:
    """The fold of one partition of the account-log.

    ``state`` prefixes: ``b`` look-back blocks, ``f`` files, ``d`` clocks, ``m`` the newest tick.
    """

    def __init__(
        self, state: State, policy: Policy, partition: int, account_log_partitions: int
    ) -> None:
        self._state = state
        self._policy = policy
        self._partition = partition
        self._partitions = account_log_partitions
        self._lookback = LookBack(state, policy.look_back_hours)
        self._with_file = {key[1:].decode() for key, _ in scan_prefix(state, _FILE)}
        self._files: OrderedDict[str, AccountFile] = OrderedDict()
        self._dirty: dict[str, AccountFile] = {}
        now = state.get(_NOW)
        self._now = int.from_bytes(now, "big") if now else 0

    def apply(self, records: Sequence[Record]) -> Folded:
        """Fold a batch; see the module's docstring."""
        folded = Folded()
        for record in records:
            try:
                entry = decode_log_entry(record.value)
            except InvalidEvent as why:
                folded.outputs.append(dead_letter(ACCOUNT_LOG, self._partition, record, why))
                folded.counts["dead_letters", ACCOUNT_LOG, why.reason.value] += 1
                continue
            if isinstance(entry, Postings):
                self._postings(entry.postings, record, folded)
            elif isinstance(entry, AccountEvents):
                self._events(entry.events, record, folded)
            else:
                self._tick(entry.at, record, folded)
        if records:
            self._lookback.flush(records[-1].offset)
        self._write_files(folded)
        return folded

    def restore(self, records: Sequence[Record]) -> None:
        """Take over account files; a lower version than the one known is an older writer's."""
        for record in records:
            if record.key is None or not record.value:
                continue
            before = self._state.get(_FILE + record.key)
            if before is not None and _version(before) >= _version(record.value):
                continue
            file = decode_file(record.value)
            if before is not None and (due := decode_file(before).due) is not None:
                self._state.delete(_due_key(due, file.account))
            self._state.put(_FILE + record.key, record.value)
            if file.due is not None:
                self._state.put(_due_key(file.due, file.account), b"")
            self._with_file.add(file.account)
            self._files.pop(file.account, None)

    def say_again(self, topic: str, records: Sequence[Record]) -> list[Output]:
        """See `pipeline.fold.Fold.say_again`."""
        if topic != ACCOUNT_FILES:
            return []
        # Of one key's records the last stands in the topic; what came before it does no harm.
        last = {record.key: record.value for record in records if record.key and record.value}
        again = []
        for key, said in last.items():
            value = self._state.get(_FILE + key)
            if value is not None and _version(value) > _version(said):
                again.append(_file_output(key, value, self._partition))
        return again

    def gauges(self) -> dict[str, float]:
        """The number of account files in this partition."""
        return {"account_files": float(len(self._with_file))}

    def _postings(self, postings: list[Posting], record: Record, folded: Folded) -> None:
        with_file = self._with_file
        remember = self._lookback.add
        touched: dict[str, str] = {}
        for posting in postings:
            if posting.account in with_file:
                if add_posting(self._file(posting.account), posting):
                    touched.setdefault(posting.account, posting.transaction)
                else:
                    folded.counts["duplicates", "accounts"] += 1
            else:
                remember(posting)
        for account, transaction in touched.items():
            self._settle(account, Cause(transaction, record.timestamp), record, folded)

    def _events(self, events: list[AccountEvent], record: Record, folded: Folded) -> None:
        touched: dict[str, Cause] = {}
        for event in events:
            if partition_of(event.account, self._partitions) != self._partition:
                folded.counts["limit_hits", "foreign_account"] += 1
                continue
            file = self._opened(event.account)
            if not file.remembered and not isinstance(event, Notice):
                self._remember(file, record)
            if add_event(file, event):
                touched[event.account] = _cause(event, record)
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

    def _opened(self, account: str) -> AccountFile:
        """Return the account's file, a new one at the first event of its case."""
        if account not in self._with_file:
            self._with_file.add(account)
            self._files[account] = self._dirty[account] = AccountFile(account=account)
        return self._file(account)

    def _remember(self, file: AccountFile, record: Record) -> None:
        """Take over what the look-back memory holds of the account."""
        self._lookback.flush(record.offset)
        for posting in self._lookback.of(file.account):
            add_posting(file, posting)
        file.remembered = True

    def _file(self, account: str) -> AccountFile:
        """Return the account's file, decoded once while it is in use."""
        file = self._files.get(account)
        if file is not None:
            self._files.move_to_end(account)
            return file
        file = self._dirty.get(account)
        if file is None:
            value = self._state.get(_FILE + account.encode())
            if value is None:
                message = "an account in the index has no file"
                raise AssertionError(message)
            file = decode_file(value)
        self._files[account] = file
        return file

    def _settle(self, account: str, cause: Cause, record: Record, folded: Folded) -> None:
        """Decide and differ once, and set the file's version and clock."""
        file = self._file(account)
        file.version = max(file.version + 1, record.offset + 1)
        decision = decide(file, self._policy, self._now)
        differences = differ(file, decision, self._policy.version, cause)
        if decision.limited:
            folded.counts["limit_hits", "holds_an_account"] += 1
        if file.limited:
            folded.counts["limit_hits", "postings_a_file"] += 1
        if decision.due != file.due:
            if file.due is not None:
                self._state.delete(_due_key(file.due, account))
            file.due = decision.due
        if file.due is not None:
            self._state.put(_due_key(file.due, account), b"")
        self._dirty[account] = file
        self._send(differences, cause, folded)

    def _send(self, differences: Differences, cause: Cause, folded: Folded) -> None:
        for alert in differences.alerts:
            folded.outputs.append(alert_output(alert, cause.at if cause.by_report else None))
            folded.counts["alerts", alert.kind.value, alert.level] += 1
        by_partition: dict[int, list[AccountEvent]] = {}
        for notice in differences.notices:
            partition = partition_of(notice.account, self._partitions)
            by_partition.setdefault(partition, []).append(notice)
        for partition, events in by_partition.items():
            value = encode_log_entry(AccountEvents(events))
            folded.outputs.append(Output(ACCOUNT_LOG, None, value, (), partition))

    def _write_files(self, folded: Folded) -> None:
        """Write the batch's changed files, to the state and, last, to their topic."""
        for account, file in self._dirty.items():
            value = encode_file(file)
            key = account.encode()
            self._state.put(_FILE + key, value)
            folded.outputs.append(_file_output(key, value, self._partition))
        self._dirty.clear()
        while len(self._files) > FILES_IN_MEMORY:
            self._files.popitem(last=False)


def alert_output(alert: FreezeAlert, reported_at: int | None) -> Output:
    """Return the record of one version of an alert, keyed by its account.

    ``reported_at`` (ms) is when the report that caused it entered Kafka, if one did.
    """
    event_id = f"{alert.alert_id}.{alert.version}"
    headers = headers_out(FreezeAlert.SCHEMA, event_id, alert.caused_at, reported_at)
    return Output(FREEZE_ALERTS, alert.account.encode(), encode_json(alert), headers)


def _file_output(key: bytes, value: bytes, partition: int) -> Output:
    return Output(ACCOUNT_FILES, key, value, (), partition, last=True)


def _version(value: bytes) -> int:
    return _VERSION.decode(value).version


def _cause(event: AccountEvent, record: Record) -> Cause:
    match event:
        case Claim():
            return Cause(event.report, event.published_at, by_report=True)
        case Level():
            return Cause(event.caused_by, event.published_at, by_report=True)
        case Notice():
            return Cause(event.caused_by, event.published_at)
        case Answer():
            return Cause(event.update_id, record.timestamp)


def _due_key(due: int, account: str) -> bytes:
    return _DUE + due.to_bytes(8, "big") + account.encode()
