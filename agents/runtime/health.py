"""The worker's HTTP port: /metrics, /livez (progress), /readyz (assigned and caught up)."""

from __future__ import annotations

import os
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from agents.failures import ExitCode, stop_process

Question = Callable[[], str | None]
"""Answers None for yes, or why not (in words that hold no personal data)."""


class HealthServer:
    """Serves one worker's metrics and health, and nothing else."""

    def __init__(self, registry: CollectorRegistry, alive: Question, ready: Question) -> None:
        application = web.Application()
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/livez", self._livez)
        application.router.add_get("/readyz", self._readyz)
        self._registry = registry
        self._alive = alive
        self._ready = ready
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port (a free one was chosen for 0). Ends the process when it cannot.

        Nobody would know how a worker is that cannot be asked.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            # asyncio says where and what in one text; a name that nobody knows has no such number.
            number = error.errno or 0
            why = os.strerror(number) if number > 0 else error.strerror
            reason = f"{host}:{port} cannot be listened on: {why}"
            stop_process(ExitCode.PORT_UNUSABLE, "port_unusable", reason=reason)
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _livez(self, _request: web.Request) -> web.Response:
        return _answer(self._alive())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _answer(self._ready())


def _answer(why_not: str | None) -> web.Response:
    if why_not is None:
        return web.Response(text="ok\n")
    return web.Response(status=503, text=f"{why_not}\n")
