"""What each kind of fault does to a site; every choice is the fault's own chance."""

from __future__ import annotations

from collections.abc import Callable

from agents.local.cluster import LocalWorker
from agents.runtime.fail_points import Moment
from agents.worker import WorkerName
from tests.recovery.plan import Fault, Kind
from tests.recovery.site import Site

BROKER_PAUSE_SECONDS = 15.0
_POINT_SECONDS = 60.0
"""How long a worker may take until it comes to its fail point."""
_MOST_PASSINGS = {WorkerName.ACCOUNTS: 25, WorkerName.CLUSTERING: 6, WorkerName.INTAKE: 25}
"""The latest passing at which a worker ends; clustering has the fewest batches."""
# The accounts worker has the most to lose between two moments.
_NAME_WEIGHTS = [4, 2, 1]


def strike(site: Site, fault: Fault) -> str:
    """Do the fault and what ends it, and say what was done; nothing is waited for afterwards."""
    return _STRIKES[fault.kind](site, fault)


def _any_worker(site: Site, fault: Fault) -> LocalWorker:
    return fault.chance.choice(site.workers)


def _session(site: Site) -> float:
    return site.cluster.settings.session_timeout_ms / 1000


def _name(worker: LocalWorker) -> str:
    return worker.log_file.stem


def _kill(site: Site, fault: Fault) -> str:
    worker = _any_worker(site, fault)
    site.wait(fault.chance.uniform(0.0, 2.0))
    site.kill(worker)
    away = fault.chance.choice([0.0, fault.chance.uniform(0.0, _session(site))])
    site.wait(away)
    site.start(worker)
    return f"{_name(worker)}, away {away:.1f} s"


def _kill_starting(site: Site, fault: Fault) -> str:
    worker = _any_worker(site, fault)
    site.stop(worker)
    site.start(worker)
    # From before it knows the broker to after its first batches.
    age = fault.chance.uniform(0.3, 6.0)
    site.wait(age)
    site.kill(worker)
    site.start(worker)
    return f"{_name(worker)}, {age:.1f} s old"


def _kill_rebalancing(site: Site, fault: Fault) -> str:
    first = _any_worker(site, fault)
    second = site.partner(first)
    site.kill(first)
    if fault.chance.random() < 0.5:
        # Kafka takes the first for dead at the end of its session, and shares out anew.
        site.wait(_session(site) + fault.chance.uniform(-0.5, 1.5))
        how = "the first leaving"
    else:
        site.wait(_session(site) + 1.5)
        site.start(first)
        site.wait(fault.chance.uniform(1.5, 5.0))
        how = "the first coming back"
    site.kill(second)
    for worker in (first, second):
        if worker.process is not None and worker.process.poll() is not None:
            site.start(worker)
    return f"{_name(first)} and {_name(second)}, {how}"


def _kill_at_point(site: Site, fault: Fault) -> str:
    name = fault.chance.choices(list(_MOST_PASSINGS), _NAME_WEIGHTS)[0]
    worker = fault.chance.choice([w for w in site.workers if w.name == name])
    point = f"{fault.chance.choice(list(Moment))}:{fault.chance.randint(1, _MOST_PASSINGS[name])}"
    site.stop(worker)
    came = site.started_to_die(worker, point, _POINT_SECONDS)
    site.start(worker)
    return f"{_name(worker)} at {point}{'' if came else ', which it never came to'}"


def _disk_lost(site: Site, fault: Fault) -> str:
    worker = _any_worker(site, fault)
    site.kill(worker)
    site.lose_disk(worker)
    away = fault.chance.choice([0.0, _session(site) + 1.0])
    site.wait(away)
    site.start(worker)
    return f"{_name(worker)}, away {away:.1f} s"


def _zombie(site: Site, fault: Fault) -> str:
    worker = _any_worker(site, fault)
    seconds = _session(site) + fault.chance.uniform(1.0, 5.0)
    site.wait(fault.chance.uniform(0.0, 1.0))
    site.freeze(worker)
    site.wait(seconds)
    site.thaw(worker)
    return f"{_name(worker)} for {seconds:.1f} s"


def _graceful(site: Site, fault: Fault) -> str:
    worker = _any_worker(site, fault)
    site.stop(worker)
    site.start(worker)
    return _name(worker)


def _moved(site: Site, fault: Fault) -> str:
    worker = _any_worker(site, fault)
    site.stop(worker)
    away = _session(site) + fault.chance.uniform(1.0, 3.0)
    site.wait(away)
    site.start(worker)
    return f"{_name(worker)}, away {away:.1f} s"


def _broker_kill(site: Site, fault: Fault) -> str:
    number = fault.chance.randrange(len(site.brokers.nodes))
    broker = site.brokers.nodes[number]
    site.strike()
    broker.kill()
    away = fault.chance.uniform(0.0, 8.0)
    site.wait(away)
    broker.start()
    return f"broker {number + 1}, away {away:.1f} s"


def _broker_pause(site: Site, fault: Fault) -> str:
    number = fault.chance.randrange(len(site.brokers.nodes))
    broker = site.brokers.nodes[number]
    site.strike()
    broker.pause()
    site.wait(BROKER_PAUSE_SECONDS)
    broker.resume()
    return f"broker {number + 1} for {BROKER_PAUSE_SECONDS:.0f} s"


_STRIKES: dict[Kind, Callable[[Site, Fault], str]] = {
    Kind.KILL: _kill,
    Kind.KILL_STARTING: _kill_starting,
    Kind.KILL_REBALANCING: _kill_rebalancing,
    Kind.KILL_AT_POINT: _kill_at_point,
    Kind.DISK_LOST: _disk_lost,
    Kind.ZOMBIE: _zombie,
    Kind.GRACEFUL: _graceful,
    Kind.MOVED: _moved,
    Kind.BROKER_KILL: _broker_kill,
    Kind.BROKER_PAUSE: _broker_pause,
}
