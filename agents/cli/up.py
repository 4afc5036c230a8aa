"""``freezeline up``: a local Kafka and the workers, that stay up and keep their data."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import typer

from agents.failures import CommandError
from agents.kafka.client_settings import BrokerUnreachableError
from agents.local.cluster import DEFAULT_HTTP_PORT, LocalCluster, LocalClusterError
from agents.local.kafka import LocalKafkaError

DEFAULT_PORT = 9092
_CHECK_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("up", short_help="Start a local Kafka and the workers, and keep them up.")
    def up(
        data_dir: Path = typer.Option(Path(".freezeline/up"), help="Where everything is kept."),
        port: int = typer.Option(DEFAULT_PORT, help="Kafka's port on 127.0.0.1."),
        http_port: int = typer.Option(DEFAULT_HTTP_PORT, help="First port of metrics and health."),
        fresh: bool = typer.Option(False, "--fresh", help="Start over: forget all data first."),
    ) -> None:
        """Start a local Kafka and the workers and keep them up; Ctrl-C stops all in order.

        With FREEZELINE_BOOTSTRAP set, the workers use that Kafka instead.
        """
        if fresh:
            shutil.rmtree(data_dir, ignore_errors=True)
        bootstrap = os.environ.get("FREEZELINE_BOOTSTRAP")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        typer.echo("Starting Kafka and the workers (the first time downloads Kafka, 43 MB) …")
        try:
            cluster = LocalCluster.start(
                data_dir, bootstrap=bootstrap, port=port, http_port=http_port, stop=stop
            )
        except (LocalKafkaError, LocalClusterError, BrokerUnreachableError) as error:
            raise CommandError(str(error)) from None
        try:
            typer.echo(ready_text(cluster))
            ended = None
            while not stop.wait(_CHECK_SECONDS) and ended is None:
                ended = cluster.ended_by_itself()
        finally:
            typer.echo("Stopping …")
            cluster.stop()
        if ended is not None:
            raise CommandError(ended, 1)
        typer.echo("Stopped; the data is kept.")


def ready_text(cluster: LocalCluster) -> str:
    """Return what a person needs to know to use the cluster from another shell."""
    lines = ["", "Freezeline is up. In another shell:"]
    if shutil.which("freezeline") is None:
        lines.append(f'  export PATH="{Path(sys.executable).parent}:$PATH"')
    lines.append(f"  export FREEZELINE_BOOTSTRAP={cluster.settings.bootstrap}")
    if (key := cluster.settings.hash_key_file) is not None:
        lines.append(f"  export FREEZELINE_HASH_KEY_FILE={key.absolute()}")
    lines.append("  freezeline publish reports FILE     # JSON lines; then: transactions FILE")
    lines.append("  freezeline alerts --follow")
    lines.append("")
    for worker in cluster.workers:
        base = f"http://127.0.0.1:{worker.http_port}"
        lines.append(f"  {worker.name.value:<11}{base}/metrics  {base}/readyz")
    lines += ["", "Ctrl-C stops everything in order and keeps the data.", ""]
    return "\n".join(lines)
