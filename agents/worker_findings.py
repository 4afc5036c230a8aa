"""What workers say of themselves when the doctor asks: alive, ready, their clock and its ticks."""

from __future__ import annotations

import email.utils
import http.client
import re
import time
import urllib.error
import urllib.response
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from agents.findings import Finding, State
from agents.observability.asking import DIRECTLY

CLOCK_SECONDS = 2.0
"""How far two clocks may differ: half of what a report may take is lost to a second."""
TICK_SECONDS = 60.0
"""How old the newest tick of the clock may be: clustering sends one every 10 s."""
TICK_ADVICE = "Clustering sends one every 10 s; see deploy/runbooks/FreezelineTicksMissing.md."
_HTTP_TIMEOUT_S = 5.0
_OF_ACCOUNTS = re.compile(
    rb'^freezeline_(account_files|newest_tick_seconds)\{partition="(\d+)"\} (\S+)$', re.MULTILINE
)


def ask_workers(workers: Sequence[str]) -> Iterator[Finding]:
    """Yield what each of ``workers`` (``host:port``) says, and what follows from all of it."""
    if not workers:
        yield Finding(
            "worker", State.NOTE, "No worker was asked.", "Name them: --worker HOST:PORT."
        )
        return
    versions: dict[str, list[str]] = {}
    ticks: dict[int, float] = {}
    for asked in workers:
        address = asked.removeprefix("http://").rstrip("/")
        try:
            yield from _worker(address)
            exposed = _metrics(address)
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            yield Finding(
                "worker",
                State.WRONG,
                f"{address} does not answer ({reason}).",
                "Is it running, and is this its address for metrics and health?",
            )
            continue
        versions.setdefault(_version(exposed), []).append(address)
        for partition, newest in _newest_ticks(exposed).items():
            ticks[partition] = max(ticks.get(partition, 0.0), newest)
    yield from _ticks(ticks)
    if len(versions) > 1:
        said = "; ".join(f"{version}: {', '.join(found)}" for version, found in versions.items())
        yield Finding("worker", State.NOTE, f"Several versions run: {said}.", "Finish the upgrade.")


def _ticks(newest: Mapping[int, float]) -> Iterator[Finding]:
    """How old the newest tick of each partition is that an accounts worker told of."""
    if not newest:
        yield Finding(
            "clocks",
            State.NOTE,
            "No worker that was asked knows how old the clock's ticks are.",
            "Name the accounts workers as well: --worker HOST:PORT.",
        )
        return
    now = time.time()
    late = {p: now - tick for p, tick in sorted(newest.items()) if now - tick > TICK_SECONDS}
    for partition, age in late.items():
        said = f"came {age:.0f} s ago" if newest[partition] else "has not come yet"
        yield Finding(
            "clocks",
            State.WRONG,
            f"The last tick of the clock in partition {partition} of the accounts {said}.",
            TICK_ADVICE,
        )
    ahead = max(newest.values()) - now
    if ahead > CLOCK_SECONDS:
        yield Finding(
            "clocks",
            State.WRONG,
            f"The last tick is {ahead:.1f} s ahead of this machine's clock.",
            "Synchronise the clocks (NTP): ticks are of clustering's, and holds end by them.",
        )
    elif not late:
        oldest = max(now - min(newest.values()), 0)
        partitions = f"{len(newest)} partition{'s' if len(newest) > 1 else ''} of the accounts"
        said = f"{partitions}: the last tick of the clock came at most {oldest:.0f} s ago."
        yield Finding("clocks", State.OK, said)


def _worker(address: str) -> Iterator[Finding]:
    why_dead, date, asked_at = _health(address, "livez")
    why_not_ready, _, _ = _health(address, "readyz")
    if why_dead:
        yield Finding(
            "worker",
            State.WRONG,
            f"{address} makes no progress: {why_dead}.",
            "See deploy/runbooks/FreezelineStalled.md.",
        )
    elif why_not_ready:
        yield Finding(
            "worker",
            State.NOTE,
            f"{address} is not ready: {why_not_ready}.",
            "After a start this takes seconds, without its disk minutes.",
        )
    else:
        yield Finding("worker", State.OK, f"{address} is ready.")
    if date is not None:
        # HTTP gives whole seconds, cut off.
        apart = max(asked_at - (date + 1), date - asked_at, 0.0)
        if apart > CLOCK_SECONDS:
            yield Finding(
                "clocks",
                State.WRONG,
                f"The clocks of {address} and of this machine are {apart:.0f} s apart.",
                "Synchronise the clocks (NTP): ticks, and so the ends of holds, rest on them.",
            )


def _health(address: str, question: str) -> tuple[str | None, float | None, float]:
    """Why not, what the worker's clock says, and when it was asked."""
    try:
        with _get(f"http://{address}/{question}") as answer:
            return None, _date(answer.headers.get("Date")), time.time()
    except urllib.error.HTTPError as error:
        with error:
            why = error.read(1_000).decode("utf-8", "replace").strip() or f"HTTP {error.code}"
            return why, _date(error.headers.get("Date")), time.time()


def _metrics(address: str) -> bytes:
    with _get(f"http://{address}/metrics") as answer:
        exposed: bytes = answer.read()
    return exposed


def _version(exposed: bytes) -> str:
    found = re.search(rb'freezeline_build_info\{version="([^"]*)"', exposed)
    return found[1].decode() if found else "unknown"


def _newest_ticks(exposed: bytes) -> dict[int, float]:
    """The newest tick of each partition of an accounts worker, s since 1970; 0: none yet."""
    ticks: dict[int, float] = {}
    for name, partition, value in _OF_ACCOUNTS.findall(exposed):
        told = float(value) if name == b"newest_tick_seconds" else 0.0
        ticks[int(partition)] = max(ticks.get(int(partition), 0.0), told)
    return ticks


@contextmanager
def _get(url: str) -> Iterator[urllib.response.addinfourl]:
    with DIRECTLY.open(url, timeout=_HTTP_TIMEOUT_S) as answer:
        yield answer


def _date(text: str | None) -> float | None:
    return None if text is None else email.utils.parsedate_to_datetime(text).timestamp()
