"""A worker as `freezeline worker` runs it, but with small caches.

They are full soon. The product's own have their bounds too, but at a load that one machine bears it
would take hours until what grows could be told from what fills.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from prometheus_client import CollectorRegistry

from agents.observability.logging import configure_logging
from agents.observability.prometheus import Metrics
from agents.runtime.runner import run_worker
from agents.settings import load_settings
from agents.worker import WorkerName, runtime_settings, worker_spec
from pipeline.accounts import fold as accounts_fold
from pipeline.accounts import lookback
from pipeline.clustering import nodes

COMMAND = ("-m", "tests.small_caches")
FILES_IN_MEMORY = 50
POSTINGS_IN_MEMORY = 1_000
KEPT_NODES = 1_000
KEPT_REPORTS = 500
BLOCK_POSTINGS = 512
_STORE_BYTES = 1024 * 1024


def main() -> int:
    """Run the worker that the first argument names."""
    accounts_fold.FILES_IN_MEMORY = FILES_IN_MEMORY
    accounts_fold.POSTINGS_IN_MEMORY = POSTINGS_IN_MEMORY
    lookback.BLOCK_POSTINGS = BLOCK_POSTINGS
    nodes.KEPT_NODES = KEPT_NODES
    nodes.KEPT_REPORTS = KEPT_REPORTS
    name, settings = WorkerName(sys.argv[1]), load_settings()
    configure_logging(settings.log_level)
    registry = CollectorRegistry()
    runtime = replace(
        runtime_settings(settings, Metrics(registry), registry),
        store_cache_bytes=_STORE_BYTES,
        store_write_buffer_bytes=_STORE_BYTES,
    )
    return run_worker(worker_spec(name, settings), runtime)


if __name__ == "__main__":
    sys.exit(main())
