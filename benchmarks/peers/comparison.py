"""The chain from payment to alert in other stream processors, beside Freezeline's own."""

from __future__ import annotations

import asyncio
import importlib.metadata
import statistics
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from aiokafka.errors import KafkaError as AioKafkaError
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from agents.kafka.client_settings import BrokerUnreachableError
from agents.local.kafka import LocalKafkaError
from benchmarks.machine import Figures, machine, note, versions
from benchmarks.payments import case_account
from benchmarks.peers import ours, race
from benchmarks.peers.backlog import Part, backlog
from benchmarks.peers.roster import Peer, Place
from benchmarks.peers.work import POSTINGS
from benchmarks.stand import BenchmarkError, Stand
from pipeline.contracts.alerts import AlertKind
from pipeline.topics import TRANSACTIONS, load_topics

TRANSACTIONS_MEASURED = 300_000
LEAST_TRANSACTIONS = 10_000
WARM_UP_SHARE = 0.75
"""Of the transactions that are measured, so many more come first."""
FILES = 20_000
OURS = "freezeline"

_FAILURES = (BenchmarkError, LocalKafkaError, BrokerUnreachableError, KafkaError, AioKafkaError)
_PARTITIONS = load_topics()[TRANSACTIONS].partitions
_RATIOS = {
    "ratio_to_kafka_streams_eos": ("kafka-streams-eos", "per_cpu_s"),
    "ratio_to_kafka_streams_eos_two_threads": ("kafka-streams-eos-two-threads", "per_cpu_s"),
    "ratio_to_kafka_streams_eos_no_changelog": ("kafka-streams-eos-no-changelog", "per_cpu_s"),
    "ratio_to_quix": ("quix", "per_s"),
    "ratio_to_bytewax": ("bytewax", "per_s"),
    "ratio_to_stock_faust": ("stock-faust", "per_s"),
    "ratio_to_plain_confluent": ("plain-confluent", "per_s"),
}


def compare(transactions: int, files: int, peers: tuple[Peer, ...]) -> Figures:
    """Measure ours, every peer, and ours again; a peer that cannot run is named with its reason."""

    @cache
    def parts(share: float) -> tuple[Part, Part]:
        measured = _measured(transactions, share)
        return backlog((round(measured * WARM_UP_SHARE), measured), _PARTITIONS, files)

    def own(name: str) -> Figures:
        note(f"{name}: {transactions:,} transactions")
        about: Figures = {"settings": ours.SETTINGS}
        return _outcome(about, lambda: ours.run(parts(1.0), files))

    found: Figures = {OURS: own(OURS)}
    for peer in peers:
        note(f"{peer.title}: {_measured(transactions, peer.share):,} transactions")
        found[peer.name] = _peer_outcome(peer, parts(peer.share), files)
    found[f"{OURS} again"] = own(f"{OURS} again")
    return {
        **_ratios(found),
        "peers": found,
        "files": files,
        "machine": machine(),
        "versions": versions(),
    }


def _measured(transactions: int, share: float) -> int:
    return max(LEAST_TRANSACTIONS, round(transactions * share))


def _ratios(found: Figures) -> Figures:
    """Compare the mean of our runs with each peer, by what the ratio is about."""
    measured = {name: figures for name, figures in found.items() if "per_s" in figures}
    own = [figures for name, figures in measured.items() if name.startswith(OURS)]
    if not own:
        return {}
    return {
        ratio: round(statistics.mean(each[by] for each in own) / measured[name][by], 2)
        for ratio, (name, by) in _RATIOS.items()
        if name in measured
    }


def _peer_outcome(peer: Peer, parts: tuple[Part, Part], files: int) -> Figures:
    about: Figures = {
        "title": peer.title,
        "settings": peer.settings,
        "after_a_crash": peer.after_a_crash,
        "differs": peer.differs,
    }
    if peer.package is not None:
        try:
            about["version"] = importlib.metadata.version(peer.package)
        except importlib.metadata.PackageNotFoundError:
            return {**about, "not_measured": f"{peer.package} is not installed (extra 'peers')"}
    return _outcome(about, lambda: _peer(peer, parts, files))


def _outcome(about: Figures, measure: Callable[[], Figures]) -> Figures:
    """Measure; a run that fails is told as it is, and does not end the others."""
    try:
        found = measure()
    except _FAILURES as error:
        reason = str(error) or type(error).__name__
        note(f"not measured: {reason}")
        return {**about, "not_measured": reason}
    note(f"{found['per_s']:,}/s, {found['cpu_us']} CPU µs each")
    return {**about, **found}


def _peer(peer: Peer, parts: tuple[Part, Part], files: int) -> Figures:
    kinds = frozenset({AlertKind.HOLD.value})
    with tempfile.TemporaryDirectory(prefix="freezeline-peer-") as name, Stand() as stand:
        folder = Path(name)
        cases = folder / "cases.txt"
        cases.write_text("\n".join(case_account(index).key for index in range(files)))
        place = Place(stand.bootstrap, folder, cases, _PARTITIONS)
        _make_topic(stand.bootstrap, POSTINGS)
        wanted = peer.processes(place)
        with race.Processes(folder) as processes:
            return asyncio.run(
                race.run(
                    stand.bootstrap,
                    race.Race(parts, kinds),
                    lambda: processes.start(wanted),
                    processes.check,
                )
            )


def _make_topic(bootstrap: str, name: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(name, _PARTITIONS, 1)])
    finally:
        admin.close()
