"""What one local Kafka node is told: its ports, its server.properties, its Java options.

Every node has three listeners. CLIENTS is what `LocalKafka.bootstrap` names, and whatever a test
wants of it: TLS, passwords, certificates. INTERNAL is for the brokers among themselves and for the
question whether a node answers, and CONTROLLER for the quorum; both stay without TLS.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.local.kafka_jars import LocalKafkaError

HOST = "127.0.0.1"
# Below the range from which Linux and macOS take the ports of outgoing connections, so that no
# client can take the port between our choice and Kafka's listening.
_PORTS = range(20_000, 32_000)

# After a crash the broker waits for the session of its former self to end, 9 s by default.
_SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=CLIENTS://{host}:{clients},INTERNAL://{host}:{internal},CONTROLLER://{host}:{controller}
advertised.listeners=CLIENTS://{host}:{clients},INTERNAL://{host}:{internal}
listener.security.protocol.map=CLIENTS:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INTERNAL
controller.listener.names=CONTROLLER
log.dirs={log_dir}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=1000
broker.session.timeout.ms=4000
log.cleaner.dedupe.buffer.size=16777216
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one node on 127.0.0.1."""

    clients: int
    """For everybody, and with whatever security a test asks for."""
    internal: int
    """For brokers among themselves, and whether the node answers; always without TLS."""
    controller: int
    """For the quorum of controllers."""

    @classmethod
    def free(cls, clients: int | None = None) -> Ports:
        """Choose free ports; ``clients`` is taken as it is when it is given.

        Raises LocalKafkaError when ``clients`` is in use, or when no free port is found.
        """
        if clients is not None and not _is_free(clients):
            raise LocalKafkaError(
                f"Port {clients} on {HOST} is already in use: stop what listens there, "
                "or choose another port."
            )
        free = _free_ports(() if clients is None else (clients,))
        return cls(clients or next(free), next(free), next(free))


def server_properties(ports: Ports, log_dir: Path, overrides: Mapping[str, str]) -> str:
    """Return the text of server.properties; of two lines with one name Kafka takes the later."""
    text = _SERVER_PROPERTIES.format(
        host=HOST,
        clients=ports.clients,
        internal=ports.internal,
        controller=ports.controller,
        log_dir=log_dir,
    )
    return text + "".join(f"{name}={value}\n" for name, value in overrides.items())


def java_options(heap_megabytes: int) -> list[str]:
    """Return the options of the Java runtime: a quick start, little memory, warnings only."""
    return [
        f"-Xmx{heap_megabytes}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    ]


def _free_ports(taken: tuple[int, ...]) -> Iterator[int]:
    chosen = set(taken)
    for _attempt in range(200):
        port = random.choice(_PORTS)
        if port not in chosen and _is_free(port):
            chosen.add(port)
            yield port
    raise LocalKafkaError(f"No free port was found on {HOST}.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As Java does: a port whose last connections are still in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
