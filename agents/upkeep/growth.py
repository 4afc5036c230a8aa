"""More partitions for the account-log, and for account-files that lie as it does.

An account's history is in the partition that its number gives, so partitions cannot simply be
added: the accounts that get another owner take along what is kept of their log, and their files.
Everything stands still meanwhile; what is to be done waits in reports, transactions and
hold-updates, and no alert is lost or told twice. Each step may be cut short and done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from agents.kafka.client_settings import BrokerUnreachableError
from agents.kafka.group_positions import set_positions
from agents.kafka.lag import LagReader
from agents.kafka.reading import TopicReader
from agents.kafka.topic_admin import admin_client, topic_configs
from agents.runtime.growing import GROWTH_JOURNAL
from agents.settings import Settings
from agents.upkeep.growth_copy import copy_files, copy_log, forget_files
from agents.upkeep.growth_journal import (
    Copied,
    Forgotten,
    Journal,
    Plan,
    note,
    open_journal,
    read_journal,
)
from agents.upkeep.record_copy import record_copier, take_times_as_sent
from agents.worker import WorkerName
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG, load_topics

MAX_PARTITIONS = 1_000
"""Most partitions that the account-log may have."""
_LOOK_SECONDS = 1.0

Tell = Callable[[str], None]


class GrowthRefused(Exception):
    """It would not be safe now; the message is one sentence that says what to do."""


@dataclass(slots=True)
class Prospect:
    """What a growth would do, and what stands in its way."""

    before: int
    after: int
    records: dict[int, int] = field(default_factory=dict)
    """Records of the account-log to look through, by old partition."""
    files: dict[int, int] = field(default_factory=dict)
    """Records of account-files likewise."""
    hindrances: list[str] = field(default_factory=list)
    """What must be done first, a sentence each."""
    copied: list[int] = field(default_factory=list)
    """New partitions that an earlier attempt has filled."""


def prospect(settings: Settings, after: int) -> Prospect:
    """Look, and change nothing. Raises GrowthRefused for a number that can never be."""
    with admin_client(settings) as admin:
        journal = read_journal(settings, admin)
        found = _prospect(admin, journal, after)
    found.hindrances = hindrances(settings)
    return found


def hindrances(settings: Settings) -> list[str]:
    """Return what must be done before it is safe, a sentence each; nothing when all is still."""
    found = []
    with admin_client(settings) as admin:
        members = {name: _members(admin, name.value) for name in WorkerName}
    for name in (WorkerName.INTAKE, WorkerName.CLUSTERING):
        if members[name]:
            found.append(f"The {name} workers are running ({members[name]}): stop them.")
    with LagReader(settings) as reader:
        behind = reader.lag()[WorkerName.ACCOUNTS]
    if behind and members[WorkerName.ACCOUNTS]:
        found.append(f"accounts is {behind:,} records behind: let it come to the end.")
    elif behind:
        found.append(f"accounts is {behind:,} records behind: start it until it is at the end.")
    elif working := members[WorkerName.ACCOUNTS]:
        found.append(f"The accounts workers are running ({working}): stop them.")
    return found


def wait_for_standstill(settings: Settings, seconds: float, tell: Tell) -> None:
    """Return when nothing stands in the way; raises GrowthRefused after ``seconds``."""
    deadline, said = time.monotonic() + seconds, list[str]()
    while found := hindrances(settings):
        if time.monotonic() >= deadline:
            raise GrowthRefused(" ".join(found))
        if found != said:
            for sentence in found:
                tell(f"Waiting: {sentence}")
            said = found
        time.sleep(_LOOK_SECONDS)


def grow(settings: Settings, after: int, tell: Tell) -> None:
    """Go to ``after`` partitions, or on with a growth that was cut short.

    Raises GrowthRefused when it is not safe, BrokerUnreachableError, and CopyError; after the
    last two it may be done again.
    """
    if found := hindrances(settings):
        raise GrowthRefused(" ".join(found))
    with admin_client(settings) as admin:
        journal = read_journal(settings, admin)
        plan = _plan(settings, admin, journal, after)
        _widen(admin, plan.after, tell)
        journal = journal or Journal()
        topics = [load_topics()[ACCOUNT_LOG]]
        take_times_as_sent(admin, topics, as_sent=True)
        for source in range(plan.before):
            _fill(settings, admin, plan, source, journal, tell)
        take_times_as_sent(admin, topics, as_sent=False)
        for source in range(plan.before):
            if source not in journal.forgotten:
                _forget(settings, plan, source, tell)
        _check(admin, plan, journal)
        admin.delete_topics([GROWTH_JOURNAL])
    tell(
        f"{ACCOUNT_LOG} and {ACCOUNT_FILES} have {plan.after} partitions: "
        "start accounts, then clustering and intake."
    )


def _prospect(admin: KafkaAdminClient, journal: Journal | None, after: int) -> Prospect:
    before, files = _partitions(admin, ACCOUNT_LOG), _partitions(admin, ACCOUNT_FILES)
    if journal is not None and journal.plan is not None:
        if journal.plan.after != after:
            raise GrowthRefused(
                f"A growth from {journal.plan.before} to {journal.plan.after} partitions has not "
                f"ended: end it first, with --to {journal.plan.after}."
            )
        before = files = journal.plan.before
    elif before != files:
        raise GrowthRefused(
            f"{ACCOUNT_LOG} has {before} partitions and {ACCOUNT_FILES} {files}: "
            "somebody has changed them by hand, and this cannot be put right here."
        )
    if after <= before or after % before or after > MAX_PARTITIONS:
        raise GrowthRefused(
            f"From {before} partitions one can go to {2 * before}, {3 * before} …, "
            f"up to {MAX_PARTITIONS}, not to {after}."
        )
    found = Prospect(before, after)
    for topic, counts in ((ACCOUNT_LOG, found.records), (ACCOUNT_FILES, found.files)):
        bounds = _bounds(admin, topic, range(before))
        counts.update({place: end - begin for place, (begin, end) in bounds.items()})
    found.copied = sorted(journal.copied) if journal is not None else []
    return found


def _plan(settings: Settings, admin: KafkaAdminClient, journal: Journal | None, after: int) -> Plan:
    """Return the plan that is under way, or make one and write it down."""
    before = _prospect(admin, journal, after).before
    ends = {p: end for p, (_, end) in _bounds(admin, ACCOUNT_LOG, range(before)).items()}
    if journal is not None and journal.plan is not None:
        if ends != journal.plan.ends:
            raise GrowthRefused(
                f"Something was written to {ACCOUNT_LOG} since this growth began: a worker has "
                "run in between, and its records may be in the wrong partition."
            )
        return journal.plan
    plan = Plan(before, after, ends)
    if journal is None:
        configs = topic_configs(load_topics()[ACCOUNT_LOG], settings.replication_factor)
        configs["retention.ms"] = "-1"
        open_journal(admin, configs, settings.replication_factor)
    note(settings, plan)
    return plan


def _widen(admin: KafkaAdminClient, after: int, tell: Tell) -> None:
    for topic in (ACCOUNT_LOG, ACCOUNT_FILES):
        if _partitions(admin, topic) < after:
            admin.create_partitions({topic: after})
            tell(f"{topic}: {after} partitions")
        deadline = time.monotonic() + _METADATA_SECONDS
        while _partitions(admin, topic) < after:
            if time.monotonic() > deadline:
                raise BrokerUnreachableError(f"Kafka has not made the new partitions of {topic}.")
            time.sleep(0.1)


_METADATA_SECONDS = 30.0


def _fill(
    settings: Settings,
    admin: KafkaAdminClient,
    plan: Plan,
    source: int,
    journal: Journal,
    tell: Tell,
) -> None:
    """Fill the new partitions of one old one, from the beginning if they are not all filled."""
    targets = range(source + plan.before, plan.after, plan.before)
    if all(target in journal.copied for target in targets):
        return
    began = time.monotonic()
    begins = _emptied(admin, targets)
    with TopicReader(settings) as reader, record_copier(settings) as copier:
        moved = copy_log(reader, copier, source, plan.after, begins)
        copy_files(reader, copier, source, plan.after, moved)
    ends = {p: end for p, (_, end) in _bounds(admin, ACCOUNT_LOG, targets).items()}
    for target, found in moved.items():
        if ends[target] != found.first_offset + len(found.taken_from):
            raise GrowthRefused(
                f"{ACCOUNT_LOG}-{target} does not end where its copy does: something else writes "
                "to it. Stop all workers and do this again."
            )
    # It was all answered, in the old partition.
    answered = {TopicPartition(ACCOUNT_LOG, partition): end for partition, end in ends.items()}
    set_positions(admin, WorkerName.ACCOUNTS.value, answered)
    for target, found in moved.items():
        copied = Copied(target, ends[target], len(found.taken_from), found.file_records)
        note(settings, copied)
        journal.copied[target] = copied
        tell(
            f"partition {target} of {source}: {copied.log_records:,} log records, "
            f"{copied.file_records:,} records of files, {time.monotonic() - began:.1f} s"
        )


def _emptied(admin: KafkaAdminClient, targets: range) -> dict[int, int]:
    """Drop what an attempt before has copied; return where each log goes on."""
    ends = {p: end for p, (_, end) in _bounds(admin, ACCOUNT_LOG, targets).items()}
    filled = {TopicPartition(ACCOUNT_LOG, p): end for p, end in ends.items() if end > 0}
    if filled:
        admin.delete_records(filled)
    return ends


def _forget(settings: Settings, plan: Plan, source: int, tell: Tell) -> None:
    with TopicReader(settings) as reader, record_copier(settings) as copier:
        count = forget_files(reader, copier, source, plan.after)
    note(settings, Forgotten(source, count))
    tell(f"partition {source}: {count:,} records of files that have moved are deleted")


def _check(admin: KafkaAdminClient, plan: Plan, journal: Journal) -> None:
    """Raise GrowthRefused unless the cluster is as the journal says."""
    bounds = _bounds(admin, ACCOUNT_LOG, range(plan.after))
    ends = plan.ends | {partition: copied.end for partition, copied in journal.copied.items()}
    if {partition: end for partition, (_, end) in bounds.items()} != ends:
        raise GrowthRefused(f"{ACCOUNT_LOG} does not end where it should: a worker has run.")
    positions = admin.list_group_offsets({WorkerName.ACCOUNTS.value: None})
    found = positions[WorkerName.ACCOUNTS.value]
    for partition, (begin, end) in bounds.items():
        position = found.get(TopicPartition(ACCOUNT_LOG, partition))
        at = position.offset if position is not None and position.offset >= 0 else begin
        if at != end:
            raise GrowthRefused(f"accounts is not at the end of {ACCOUNT_LOG}-{partition}.")


def _members(admin: KafkaAdminClient, group: str) -> int:
    try:
        described = admin.describe_groups([group])[group]
    except KafkaError as error:
        if type(error).__name__ == "GroupIdNotFoundError":
            return 0
        raise
    return len(described["members"])


def _partitions(admin: KafkaAdminClient, topic: str) -> int:
    (described,) = admin.describe_topics([topic])
    if described.get("error_code"):
        raise GrowthRefused(f"Kafka has no topic {topic}.")
    return len(described["partitions"])


def _bounds(admin: KafkaAdminClient, topic: str, partitions: range) -> dict[int, tuple[int, int]]:
    """Return the first offset and the one after the last, of each partition."""
    places = [TopicPartition(topic, partition) for partition in partitions]
    begins = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
    ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
    return {p.partition: (begins[p].offset, ends[p].offset) for p in _in_order(places)}


def _in_order(places: list[TopicPartition]) -> Iterator[TopicPartition]:
    return iter(sorted(places))
