"""``freezeline doctor`` on a real Kafka: what is wrong is said, and what to do about it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from agents.kafka.topic_admin import apply_topics
from agents.settings import Settings, load_settings
from pipeline.topics import ACCOUNT_LOG, FILED_REPORTS, HOLD_UPDATES, dead_letters_of, load_topics
from tests.agents.kafka_records import produce_values
from tests.agents_cli.running import freezeline

APART_SECONDS = 600
WORST = "no progress in reports-0"


@pytest.fixture
def settings(bootstrap: str) -> Settings:
    settings = load_settings(bootstrap=bootstrap)
    apply_topics(settings, load_topics())
    return settings


def _findings(*arguments: str) -> list[dict[str, str]]:
    ran = freezeline("doctor", "--json", *arguments)
    findings = json.loads(ran.out)
    assert ran.exit_code == int(any(one["state"] == "wrong" for one in findings))
    return findings


def _about(findings: list[dict[str, str]], about: str) -> list[tuple[str, str]]:
    return [(one["state"], one["sentence"]) for one in findings if one["about"] == about]


class _Answers(BaseHTTPRequestHandler):
    """A worker that is alive or not, on a machine whose clock goes wrong or right."""

    apart = 0
    alive = True
    exposes = ""

    def do_GET(self) -> None:
        body = f'freezeline_build_info{{version="0.0.1"}} 1.0\n{self.exposes}'.encode()
        well = self.alive or not self.path.endswith("z")
        self.send_response(200 if well else 503)
        self.end_headers()
        self.wfile.write(body if well else WORST.encode())

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(time.time() + self.apart)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _worker(*, apart: int = 0, alive: bool = True, exposes: str = "") -> Iterator[str]:
    said = {"apart": apart, "alive": alive, "exposes": exposes}
    handler = type("Handler", (_Answers,), said)
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_without_workers_it_says_who_is_missing_and_that_no_clock_ticks(settings: Settings) -> None:
    findings = _findings("--bootstrap", settings.bootstrap)
    assert _about(findings, "kafka") == [("ok", "1 broker answers.")]
    assert _about(findings, "topics") == [("ok", f"All {len(load_topics())} are as declared.")]
    for agent in ("accounts", "clustering", "intake"):
        assert ("wrong", f"{agent}: no worker is in its group.") in _about(findings, "groups")
    ((state, sentence),) = _about(findings, "clocks")
    assert state == "wrong"
    assert sentence.endswith("came into the account-log, not even a tick of the clock.")
    assert all(one["advice"] for one in findings if one["state"] == "wrong")


def test_what_was_refused_lately_is_counted_by_topic(settings: Settings) -> None:
    before = _about(_findings("--bootstrap", settings.bootstrap), "dead letters")
    produce_values(settings.bootstrap, dead_letters_of(HOLD_UPDATES), [b"a", b"b", b"c"])
    after = _about(_findings("--bootstrap", settings.bootstrap), "dead letters")
    assert before != after
    (said,) = (sentence for _, sentence in after if sentence.startswith(HOLD_UPDATES))
    assert said.endswith("refused in the last 24 hours.")
    assert int(said.split()[1]) >= 3


def test_a_topic_that_is_not_as_declared_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FREEZELINE_REPLICATION", "3")
    findings = _findings("--bootstrap", settings.bootstrap)
    assert len(_about(findings, "topics")) >= len(load_topics())
    assert any(FILED_REPORTS in sentence for _, sentence in _about(findings, "topics"))
    (advice,) = {one["advice"] for one in findings if one["about"] == "topics"}
    assert "widens all but compacted topics and the account-log" in advice


def test_a_worker_that_stands_still_or_does_not_answer_is_wrong(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No proxy knows our workers.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with _worker(alive=False) as stuck:
        findings = _findings(
            f"--bootstrap={settings.bootstrap}",
            f"--worker=http://{stuck}/",
            "--worker=127.0.0.1:1",
            "--worker=127.0.0.1:x",
        )
    said = _about(findings, "worker")
    assert ("wrong", f"{stuck} makes no progress: {WORST}.") in said
    for nobody in ("127.0.0.1:1", "127.0.0.1:x"):
        assert [s for s in said if s[0] == "wrong" and s[1].startswith(f"{nobody} does not answer")]


@pytest.mark.parametrize("apart", [-APART_SECONDS, APART_SECONDS])
def test_clocks_that_differ_are_told_and_those_that_do_not_are_not(
    settings: Settings, apart: int
) -> None:
    with _worker(apart=apart) as wrong, _worker() as right:
        findings = _findings(
            f"--bootstrap={settings.bootstrap}", f"--worker={wrong}", f"--worker={right}"
        )
    (told,) = (said for state, said in _about(findings, "clocks") if "apart" in said)
    assert told.startswith(f"The clocks of {wrong} and of this machine are")
    assert APART_SECONDS - 3 <= int(told.split()[-3]) <= APART_SECONDS + 3
    assert ("ok", f"{right} is ready.") in _about(findings, "worker")


def _accounts(ticks: dict[int, float | None]) -> str:
    """What an accounts worker exposes of its partitions, each with how old its newest tick is."""
    lines = [f'freezeline_account_files{{partition="{partition}"}} 7.0\n' for partition in ticks]
    for partition, age in ticks.items():
        if age is not None:
            told = time.time() - age
            lines.append(f'freezeline_newest_tick_seconds{{partition="{partition}"}} {told}\n')
    return "".join(lines)


def test_ticks_are_not_fresh_because_payments_come(settings: Settings) -> None:
    produce_values(settings.bootstrap, ACCOUNT_LOG, [b"a payment, now"])
    old = _accounts({0: 5, 1: 400, 2: None})
    with _worker(exposes=old) as one, _worker(exposes=_accounts({3: 8})) as other:
        findings = _findings(
            f"--bootstrap={settings.bootstrap}", f"--worker={one}", f"--worker={other}"
        )
    log, *ticks = _about(findings, "clocks")
    assert log[0] == "ok"
    assert log[1].startswith("The newest record of the account-log came")
    last = "The last tick of the clock in partition"
    assert [state for state, _ in ticks] == ["wrong", "wrong"]
    assert ticks[0][1].startswith(f"{last} 1 of the accounts came 40")
    assert ticks[1][1] == f"{last} 2 of the accounts has not come yet."


def test_who_asks_the_accounts_knows_that_ticks_come(settings: Settings) -> None:
    produce_values(settings.bootstrap, ACCOUNT_LOG, [b"a payment, now"])
    moved = _accounts({0: 300, 1: 5})
    with _worker(exposes=moved) as before, _worker(exposes=_accounts({0: 8})) as owner:
        told = _about(
            _findings(
                f"--bootstrap={settings.bootstrap}", f"--worker={before}", f"--worker={owner}"
            ),
            "clocks",
        )
    assert [state for state, _ in told] == ["ok", "ok"]
    assert told[1][1].startswith("2 partitions of the accounts: the last tick of the clock came")


def test_without_the_accounts_nothing_is_known_of_ticks(settings: Settings) -> None:
    with _worker() as worker:
        told = _about(
            _findings(f"--bootstrap={settings.bootstrap}", f"--worker={worker}"), "clocks"
        )
    assert told[1:] == [("note", "No worker that was asked knows how old the clock's ticks are.")]


def test_ticks_from_the_future_are_a_wrong_clock(settings: Settings) -> None:
    with _worker(exposes=_accounts({0: -90})) as worker:
        told = _about(
            _findings(f"--bootstrap={settings.bootstrap}", f"--worker={worker}"), "clocks"
        )
    assert told[1][0] == "wrong"
    assert told[1][1].endswith("s ahead of this machine's clock.")


def test_without_kafka_it_says_so_and_asks_the_workers_still() -> None:
    with _worker() as worker:
        ran = freezeline("doctor", "--bootstrap", "127.0.0.1:1", "--worker", worker)
    assert ran.exit_code == 1
    assert "WRONG kafka: Kafka does not answer at 127.0.0.1:1" in ran.out
    assert f"ok    worker: {worker} is ready." in ran.out
    assert ran.out.rstrip().endswith("findings are wrong.")
