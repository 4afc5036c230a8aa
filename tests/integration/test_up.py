"""``freezeline up`` with one's own data, as the README tells it, and what Ctrl-C leaves behind."""

from __future__ import annotations

import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.stage import free_port, free_ports

pytestmark = pytest.mark.timeout(240)

UP_SECONDS = 90
ALERT_SECONDS = 30


def freezeline(*arguments: str, port: int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FREEZELINE_BOOTSTRAP": f"127.0.0.1:{port}"}
    command = [sys.executable, "-m", "agents.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def processes_of(folder: Path) -> list[str]:
    """Command lines of the processes that work in ``folder``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (entry / "environ").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if int(entry.name) != os.getpid() and str(folder) in line + environment:
            found.append(line)
    return found


def written_by_hand(folder: Path) -> tuple[Path, Path]:
    now = datetime.datetime.now(datetime.UTC)
    paid = (now - datetime.timedelta(minutes=10)).isoformat()
    account = {"bank": "SCB", "account": "4041234567"}
    common = {"kind": "submitted", "received_at": now.isoformat()}
    reports = [
        {
            **common,
            "source": "aoc-1441",
            "report_id": "AOC-0001",
            "reporter": {"national_id": "1100000000008", "verified_by": "thaid"},
            "suspects": [{"kind": "account", "bank": "SCB", "number": "404-1-23456-7"}],
            "payments": [
                {"paid_at": paid, "amount_satang": 1_500_000, "to": account, "reference": "TX-1"}
            ],
        },
        {
            **common,
            "source": "etda-1212",
            "report_id": "1212-0001",
            "reporter": {"national_id": "3100000000004", "verified_by": "ndid"},
            "suspects": [{"kind": "account", "bank": "ไทยพาณิชย์", "number": "๔๐๔๑๒๓๔๕๖๗"}],
        },
    ]
    payment = {
        "source": "kbank",
        "transaction_id": "TX-1",
        "occurred_at": paid,
        "payer": {"bank": "004", "account": "1112223334"},
        "payee": {"bank": "014", "account": "4041234567"},
        "amount_satang": 1_500_000,
        "payee_balance_satang": 980_050,
    }
    files = folder / "reports.jsonl", folder / "transactions.jsonl"
    for file, events in zip(files, (reports, [payment]), strict=True):
        file.write_text("".join(json.dumps(event) + "\n" for event in events))
    return files


def test_own_reports_and_a_payment_lead_to_a_hold_that_explains_itself(tmp_path):
    port, data = free_port(), tmp_path / "data"
    command = [sys.executable, "-m", "agents.cli", "up", "--data-dir", str(data)]
    command += ["--port", str(port), "--http-port", str(free_ports(3))]
    log = tmp_path / "up.log"
    with log.open("w") as out:
        up = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    try:
        deadline = time.monotonic() + UP_SECONDS
        while "Freezeline is up" not in log.read_text():
            assert up.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        reports, transactions = written_by_hand(tmp_path)
        for topic, file in (("reports", reports), ("transactions", transactions)):
            published = freezeline("publish", topic, str(file), port=port)
            assert published.returncode == 0, published.stderr
        deadline = time.monotonic() + ALERT_SECONDS
        while not (holds := standing_holds(port)):
            assert time.monotonic() < deadline
            time.sleep(0.3)
        (hold,) = holds
        assert hold["amount_satang"] == 980_050
        why = freezeline("explain", hold["alert_id"][:8], port=port).stdout
        assert "aoc-1441/AOC-0001" in why
        assert re.search(r"found by the reference", why)
    finally:
        up.send_signal(signal.SIGINT)
        code = up.wait(60)
    assert code == 0, log.read_text()
    assert processes_of(data) == []


def standing_holds(port: int) -> list[dict]:
    shown = freezeline("alerts", "--json", port=port)
    assert shown.returncode == 0, shown.stderr
    alerts = [json.loads(line) for line in shown.stdout.splitlines()]
    found = [alert.get("alert", alert) for alert in alerts]
    return [a for a in found if a["kind"] == "hold" and a["origin"] == "kbank/TX-1"]


@pytest.mark.parametrize("seconds", [0.8, 6.0])
def test_ctrl_c_while_the_demo_starts_or_plays_leaves_no_process(tmp_path, seconds):
    data = tmp_path / "demo"
    command = [sys.executable, "-m", "agents.cli", "demo", "--data-dir", str(data)]
    command += ["--payments", "2000", "--http-port", str(free_ports(3))]
    demo = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(seconds)
    demo.send_signal(signal.SIGINT)
    demo.wait(60)
    assert demo.returncode in (130, -signal.SIGINT)
    deadline = time.monotonic() + 20
    while processes_of(data) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(data) == []
