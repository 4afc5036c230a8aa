"""One worker process: the agent by its name, with the process's settings."""

from __future__ import annotations

import logging
import os
from enum import StrEnum

from prometheus_client import CollectorRegistry

from agents.kafka.client_settings import aiokafka_settings
from agents.observability.logging import configure_logging
from agents.observability.otel import spans_of
from agents.observability.prometheus import Metrics
from agents.runtime.runner import run_worker
from agents.runtime.worker_spec import RuntimeSettings, Spans, WorkerSpec
from agents.settings import Settings, unknown_variables
from agents.version import freezeline_version
from pipeline.policy.policy import load_policy

log = logging.getLogger("freezeline")


class WorkerName(StrEnum):
    """The workers, in the order in which an event meets them."""

    INTAKE = "intake"
    CLUSTERING = "clustering"
    ACCOUNTS = "accounts"


def run(name: WorkerName, settings: Settings) -> int:
    """Run a worker until it is told to stop; return its exit code.

    Raises:
        SettingsError: a setting is wrong or the key for national IDs is missing.
    """
    settings.national_id_keys()
    configure_logging(settings.log_level)
    if unknown := unknown_variables(os.environ):
        log.warning("unknown_settings", extra={"variables": unknown})
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.gauge("build_info", (freezeline_version(),), 1)
    spec = worker_spec(name, settings)
    # A payment's way is not traced: each would cost many times what it costs to screen it.
    spans = spans_of(name, settings) if name != WorkerName.INTAKE else None
    return run_worker(spec, runtime_settings(settings, metrics, registry, spans))


def worker_spec(name: WorkerName, settings: Settings) -> WorkerSpec:
    """Return what the worker of that name reads and folds.

    Only that agent is imported: a worker that takes over should be ready soon.
    """
    match name:
        case WorkerName.INTAKE:
            from agents.intake import intake_spec

            return intake_spec(settings.accounts_lag_limit)
        case WorkerName.CLUSTERING:
            from agents.clustering import clustering_spec

            return clustering_spec(load_policy(), settings.national_id_keys())
        case WorkerName.ACCOUNTS:
            from agents.accounts import accounts_spec

            return accounts_spec(load_policy(), settings.national_id_keys())


def runtime_settings(
    settings: Settings,
    metrics: Metrics,
    registry: CollectorRegistry,
    spans: Spans | None = None,
) -> RuntimeSettings:
    """Return the process's settings as the runtime takes them."""
    return RuntimeSettings(
        bootstrap=settings.bootstrap,
        state_dir=settings.state_dir,
        connection=aiokafka_settings(settings),
        http_host=settings.http_host,
        http_port=settings.http_port,
        instance_id=settings.instance_id,
        session_timeout_s=settings.session_timeout_ms / 1000,
        acknowledge_timeout_s=settings.acknowledge_timeout_s,
        fail_point=settings.fail_point,
        rebuild_processes=settings.rebuild_processes,
        dead_letter_run_limit=settings.dead_letter_run_limit,
        metrics=metrics,
        registry=registry,
        spans=spans,
    )
