"""``freezeline demo``: watch the main job work on a real Kafka, in about a minute."""

from __future__ import annotations

from pathlib import Path

import typer

from agents.demo import World, run_demo
from agents.failures import EXIT_INTERRUPTED, CommandError
from agents.kafka.client_settings import BrokerUnreachableError
from agents.local.cluster import DEFAULT_HTTP_PORT, LocalClusterError
from agents.local.kafka import LocalKafkaError


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("demo", short_help="Play a day of scams on a local Kafka, and measure it.")
    def demo(
        data_dir: Path = typer.Option(Path(".freezeline/demo"), help="Where it works; emptied."),
        seed: int = typer.Option(1441, help="Another seed is another scenario."),
        rings: int = typer.Option(6, min=1, help="Scam rings."),
        reports: int = typer.Option(120, min=1, help="Reports."),
        payments: int = typer.Option(30_000, min=1000, help="Payments."),
        http_port: int = typer.Option(DEFAULT_HTTP_PORT, help="First port of metrics and health."),
    ) -> None:
        """Play a day of scams and honest payments through Kafka and show the freeze alerts."""
        try:
            world = World(seed, rings, reports, payments)
            code = run_demo(data_dir, world, http_port)
        except KeyboardInterrupt:
            typer.echo("Stopped.")
            code = EXIT_INTERRUPTED
        except (LocalKafkaError, LocalClusterError, BrokerUnreachableError) as error:
            raise CommandError(str(error)) from None
        raise typer.Exit(code)
