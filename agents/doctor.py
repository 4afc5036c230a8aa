"""What is wrong with a running Freezeline, in sentences: asked of Kafka, of workers, of this disk.

Nothing is changed, and no record is read: the rights of the role ``operator`` are enough.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import CoordinatorNotAvailableError, KafkaError

from agents.findings import Finding, State
from agents.kafka.access import Principals
from agents.kafka.access_rules import NoAuthorizerError, check_access
from agents.kafka.client_settings import BrokerUnreachableError
from agents.kafka.lag import LagReader
from agents.kafka.topic_admin import admin_client, check_topics
from agents.runtime.growing import GROWTH_JOURNAL
from agents.settings import Settings
from agents.worker_findings import CLOCK_SECONDS, TICK_ADVICE, TICK_SECONDS, ask_workers
from pipeline.topics import ACCOUNT_LOG, AGENTS, Topics

LAG_RECORDS = 1_000
"""A group that is further behind than this is looked at a second time: does it catch up?"""
LAG_LOOK_SECONDS = 3.0
DEAD_LETTER_HOURS = 24
"""How far back dead letters are counted."""
DISK_FREE = 0.1
"""The share of a disk that should be free."""


def examine(
    settings: Settings, topics: Topics, *, workers: Sequence[str], principals: Principals | None
) -> Iterator[Finding]:
    """Yield every finding; ``workers`` are asked at ``host:port``, rights where there are some.

    Where Kafka does not answer, only what needs no Kafka is looked at after it.
    """
    try:
        with admin_client(settings) as admin:
            yield from _kafka(admin, topics)
            yield from _brokers_disks(admin)
            yield from _asked("groups", lambda: _groups(admin))
            yield from _asked("dead letters", lambda: _dead_letters(admin, topics))
            yield from _asked("clocks", lambda: _account_log(admin, topics))
        yield from _topics(settings, topics)
        if principals is not None:
            yield from _access(settings, topics, principals)
        yield from _asked("groups", lambda: _lag(settings))
    except BrokerUnreachableError as error:
        yield Finding("kafka", State.WRONG, str(error), "Without Kafka the workers stop; mend it.")
    yield from ask_workers(workers)
    yield from _own_disk(settings)


def _asked(about: str, question: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What one question finds, or that Kafka did not answer it; the next ones are asked still."""
    try:
        yield from question()
    except (KafkaError, OSError) as error:
        yield Finding(
            about,
            State.WRONG,
            f"Kafka did not answer this question ({type(error).__name__}).",
            "Has this user the role `operator`?",
        )


def _kafka(admin: KafkaAdminClient, topics: Topics) -> Iterator[Finding]:
    cluster = admin.describe_cluster()
    there = set(admin.list_topics())
    names = sorted(there & set(topics))
    partitions = [
        (described["name"], partition)
        for described in (admin.describe_topics(names) if names else [])
        for partition in described["partitions"]
    ]
    count = len(cluster["brokers"])
    yield Finding("kafka", State.OK, f"{count} broker{'s answer' if count != 1 else ' answers'}.")
    if GROWTH_JOURNAL in there:
        yield Finding(
            "topics",
            State.WRONG,
            "The account-log is being given more partitions: no worker starts meanwhile.",
            "Let `freezeline topics grow` come to its end; if it was cut short, run it again.",
        )
    without = [f"{name}-{p['partition_index']}" for name, p in partitions if p["leader_id"] < 0]
    if without:
        yield Finding(
            "kafka",
            State.WRONG,
            f"{len(without)} partitions have no leader: {_some(without)}.",
            "Bring the missing brokers back: nothing in these partitions is read or written.",
        )
    behind = [
        f"{name}-{p['partition_index']}"
        for name, p in partitions
        if len(p["isr_nodes"]) < len(p["replica_nodes"])
    ]
    if behind:
        yield Finding(
            "kafka",
            State.NOTE,
            f"{len(behind)} partitions have fewer replicas in sync than they should: "
            f"{_some(behind)}.",
            "One more broker that fails could stop writing: look at the brokers.",
        )


def _brokers_disks(admin: KafkaAdminClient) -> Iterator[Finding]:
    for broker in admin.describe_log_dirs():
        for folder in broker["log_dirs"]:
            total, free = folder.get("total_bytes", -1), folder.get("usable_bytes", -1)
            if total > 0 and free >= 0:
                yield _disk(f"broker {broker['broker']}", free, total)


def _groups(admin: KafkaAdminClient) -> Iterator[Finding]:
    for agent in sorted(AGENTS):
        try:
            (group,) = admin.describe_groups([agent]).values()
            members = len(group["members"])
        except CoordinatorNotAvailableError:
            # Kafka makes its own topic for groups when the first one is asked for.
            members = 0
        if members:
            plural = "s are" if members != 1 else " is"
            yield Finding("groups", State.OK, f"{agent}: {members} worker{plural} in its group.")
        else:
            yield Finding(
                "groups",
                State.WRONG,
                f"{agent}: no worker is in its group.",
                f"Start one: `freezeline worker {agent}`; its log says why it stopped.",
            )


def _lag(settings: Settings) -> Iterator[Finding]:
    with LagReader(settings) as reader:
        first = reader.lag()
        if all(lag <= LAG_RECORDS for lag in first.values()):
            yield Finding("groups", State.OK, f"Records that wait: {sum(first.values())}.")
            return
        time.sleep(LAG_LOOK_SECONDS)
        second = reader.lag()
    for agent, lag in second.items():
        if lag <= LAG_RECORDS:
            continue
        catching_up = lag < first[agent]
        yield Finding(
            "groups",
            State.NOTE if catching_up else State.WRONG,
            f"{agent}: {lag} records wait, and the number "
            f"{'falls' if catching_up else 'does not fall'}.",
            "" if catching_up else "See deploy/runbooks/FreezelinePartitionBehind.md.",
        )


def _dead_letters(admin: KafkaAdminClient, topics: Topics) -> Iterator[Finding]:
    present = set(admin.list_topics())
    since = int((time.time() - DEAD_LETTER_HOURS * 3600) * 1000)
    total = 0
    for topic in topics.values():
        if topic.dead_letters is None or topic.dead_letters not in present:
            continue
        count = _records_since(admin, topic.dead_letters, since)
        total += count
        if count:
            yield Finding(
                "dead letters",
                State.NOTE,
                f"{topic.name}: {count} refused in the last {DEAD_LETTER_HOURS} hours.",
                "`freezeline dead-letters list` says why.",
            )
    if not total:
        yield Finding("dead letters", State.OK, f"None in the last {DEAD_LETTER_HOURS} hours.")


def _records_since(admin: KafkaAdminClient, topic: str, since: int) -> int:
    partitions = _partitions_of(admin, topic)
    ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
    begins = admin.list_partition_offsets(dict.fromkeys(partitions, since))
    # Kafka answers -1 where nothing is as new as that.
    return sum(ends[p].offset - begins[p].offset for p in partitions if begins[p].offset >= 0)


def _partitions_of(admin: KafkaAdminClient, topic: str) -> list[TopicPartition]:
    (described,) = admin.describe_topics([topic])
    return [TopicPartition(topic, p["partition_index"]) for p in described["partitions"]]


def _account_log(admin: KafkaAdminClient, topics: Topics) -> Iterator[Finding]:
    """The newest record of the account-log: it has the broker's time, and is no older than a tick.

    It may be a payment's: how old the ticks are, only the accounts workers know.
    """
    if ACCOUNT_LOG not in set(admin.list_topics()) & set(topics):
        return
    asked = dict.fromkeys(_partitions_of(admin, ACCOUNT_LOG), OffsetSpec.MAX_TIMESTAMP)
    newest = max(found.timestamp for found in admin.list_partition_offsets(asked).values())
    age = time.time() - newest / 1000
    if newest < 0 or age > TICK_SECONDS:
        said = "No record" if newest < 0 else f"For {age:.0f} s no record"
        yield Finding(
            "clocks",
            State.WRONG,
            f"{said} came into the account-log, not even a tick of the clock.",
            TICK_ADVICE,
        )
    elif age < -CLOCK_SECONDS:
        yield Finding(
            "clocks",
            State.WRONG,
            f"A broker's clock is at least {-age:.1f} s before this machine's.",
            "Synchronise the clocks (NTP): times of arrival and of holds rest on them.",
        )
    else:
        said = f"The newest record of the account-log came {max(age, 0):.0f} s ago."
        yield Finding("clocks", State.OK, said)


def _topics(settings: Settings, topics: Topics) -> Iterator[Finding]:
    differences = check_topics(settings, topics)
    for difference in differences:
        yield Finding(
            "topics",
            State.WRONG,
            f"{difference.sentence}.",
            "`freezeline topics apply` creates, sets, and widens all but compacted topics and the "
            "account-log.",
        )
    if not differences:
        yield Finding("topics", State.OK, f"All {len(topics)} are as declared.")


def _access(settings: Settings, topics: Topics, principals: Principals) -> Iterator[Finding]:
    try:
        differences = check_access(settings, topics, principals)
    except NoAuthorizerError as error:
        yield Finding(
            "access", State.WRONG, str(error), "Until then every user may read and write all."
        )
        return
    for difference in differences:
        yield Finding(
            "access",
            State.WRONG,
            f"{difference.sentence}.",
            "A superuser adds what is missing with `freezeline topics apply --acls`, and takes "
            "away what is too much.",
        )
    if not differences:
        yield Finding("access", State.OK, "Every user may do what its roles need, and no more.")


def _own_disk(settings: Settings) -> Iterator[Finding]:
    if settings.state_dir.is_dir():
        usage = shutil.disk_usage(settings.state_dir)
        yield _disk(f"the state folder {settings.state_dir}", usage.free, usage.total)


def _disk(of: str, free: int, total: int) -> Finding:
    said = f"The disk of {of} has {free / 2**30:.1f} GiB of {total / 2**30:.1f} GiB free."
    if free / total < DISK_FREE:
        return Finding("disk", State.WRONG, said, "See deploy/runbooks/FreezelineDiskFilling.md.")
    return Finding("disk", State.OK, said)


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
