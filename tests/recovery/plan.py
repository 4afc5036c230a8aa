"""Which faults happen, in which order: a function of the seed and the number of kills."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A fault; what exactly is done is in `tests.recovery.faults`."""

    KILL = "kill"
    """kill -9 of a worker at any moment."""
    KILL_STARTING = "kill_starting"
    """kill -9 of a worker that is on its way up."""
    KILL_REBALANCING = "kill_rebalancing"
    """kill -9 of a worker, and of its partner while the group shares out anew."""
    KILL_AT_POINT = "kill_at_point"
    """kill -9 at one moment of the rule of state (agents.runtime.fail_points)."""
    DISK_LOST = "disk_lost"
    """kill -9 of a worker, whose disk is then empty."""
    ZOMBIE = "zombie"
    """SIGSTOP of a worker past its session, then SIGCONT."""
    GRACEFUL = "graceful"
    """SIGTERM: the worker must end with 0 within 5 s."""
    MOVED = "moved"
    """A worker is away longer than its session: its partitions go to its partner, and back."""
    BROKER_KILL = "broker_kill"
    """kill -9 of a broker, and its start."""
    BROKER_PAUSE = "broker_pause"
    """A broker that does nothing for 15 s."""


KILLS = {
    Kind.KILL: 1,
    Kind.KILL_STARTING: 1,
    Kind.KILL_REBALANCING: 2,
    Kind.KILL_AT_POINT: 1,
    Kind.DISK_LOST: 1,
}
"""How many times a worker is killed by each kind; the others kill none."""

_WEIGHTS = {
    Kind.KILL: 3,
    Kind.KILL_STARTING: 2,
    Kind.KILL_REBALANCING: 2,
    Kind.KILL_AT_POINT: 5,
    Kind.DISK_LOST: 2,
}
_OTHERS_A_KILL = 0.5


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, with a randomness of its own: what one fault takes changes no other."""

    number: int
    kind: Kind
    chance: random.Random


def plan(kills: int, seed: int) -> list[Fault]:
    """Return faults that kill workers ``kills`` times, with every other kind in between.

    Every kind comes at least once, as far as ``kills`` allows.
    """
    chance = random.Random(f"{seed}/plan")
    kinds: list[Kind] = []
    left = kills
    for kind in sorted(KILLS, key=lambda kind: (KILLS[kind], kind)):
        if KILLS[kind] <= left:
            kinds.append(kind)
            left -= KILLS[kind]
    while left:
        kind = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        if KILLS[kind] <= left:
            kinds.append(kind)
            left -= KILLS[kind]
    others = [kind for kind in Kind if kind not in KILLS]
    kinds += others
    kinds += chance.choices(others, k=max(0, int(kills * _OTHERS_A_KILL) - len(others)))
    chance.shuffle(kinds)
    return [
        Fault(number, kind, random.Random(f"{seed}/fault/{number}"))
        for number, kind in enumerate(kinds, 1)
    ]
