"""Three Kafka nodes on this machine, for what one node cannot show: a broker lost, another leading.

Every node is broker and controller. All topics have three replicas, the groups' offsets too, and a
record counts as written when two replicas have it: so one node may be killed or paused at any
moment, and its like take over within the session of a broker (4 s).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agents.local.kafka import LocalKafka, new_cluster_id
from agents.local.kafka_jars import Progress, java_executable, kafka_jars, show_progress
from agents.local.kafka_settings import HOST, Ports

__all__ = ["LocalKafkaCluster"]

NODES = 3
REPLICATION = 3
"""Replicas of every topic, the groups' offsets too."""
HEAP_MEGABYTES = 400

_PROPERTIES = {
    "default.replication.factor": str(REPLICATION),
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": str(REPLICATION),
    "transaction.state.log.replication.factor": str(REPLICATION),
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": str(REPLICATION),
    "share.coordinator.state.topic.min.isr": "2",
}


class LocalKafkaCluster:
    """Three nodes whose data is kept in ``data_dir``; use it as a `LocalKafka`.

    Each of `nodes` may be killed, paused and started by itself meanwhile: its address stays.
    """

    def __init__(self, data_dir: Path, progress: Progress = show_progress) -> None:
        """Choose the addresses of the nodes; nothing is started or written yet."""
        self._progress = progress
        cluster_id = new_cluster_id()
        ports = _distinct_ports(NODES)
        voters = ",".join(
            f"{number}@{HOST}:{node.controller}" for number, node in enumerate(ports, 1)
        )
        self.nodes = [
            LocalKafka(
                data_dir / f"node-{number}",
                progress=progress,
                properties={
                    **_PROPERTIES,
                    "node.id": str(number),
                    "controller.quorum.voters": voters,
                },
                ports=node,
                cluster_id=cluster_id,
                heap_megabytes=HEAP_MEGABYTES,
            )
            for number, node in enumerate(ports, 1)
        ]
        """The nodes; each can be killed, paused, resumed and started again."""

    def __enter__(self) -> LocalKafkaCluster:
        """Start all nodes."""
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop all nodes."""
        self.stop()

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes for clients, separated by commas; only after `start`."""
        return ",".join(node.bootstrap for node in self.nodes)

    @property
    def running(self) -> bool:
        """Whether every node runs."""
        return all(node.running for node in self.nodes)

    def start(self) -> str:
        """Start every node that does not run, wait until all answer, and return `bootstrap`.

        Raises LocalKafkaError with one sentence; then no node runs.
        """
        java_executable()
        kafka_jars(self._progress)  # once, before the nodes look for them at the same time
        try:
            # Together: a node does not answer before two of the three have found each other.
            _at_once([node.start for node in self.nodes])
        except BaseException:
            self.stop()
            raise
        return self.bootstrap

    def stop(self) -> None:
        """Stop all nodes at the same time and keep their data."""
        _at_once([node.stop for node in self.nodes])


def _at_once(calls: list[Callable[[], object]]) -> None:
    """Make all calls at the same time, wait for all, and raise the first error."""
    with ThreadPoolExecutor(len(calls)) as pool:
        running = [pool.submit(call) for call in calls]
    for call in running:
        call.result()


def _distinct_ports(count: int) -> list[Ports]:
    found: list[Ports] = []
    while len(found) < count:
        ports = Ports.free()
        used = {
            number for node in found for number in (node.clients, node.internal, node.controller)
        }
        if not used & {ports.clients, ports.internal, ports.controller}:
            found.append(ports)
    return found
