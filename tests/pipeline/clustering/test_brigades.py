"""A crowd that is sent against a shop is one voice, and people see why; a real case is none."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.clustering.brigades import BRIGADE_REPORTS
from tests.pipeline.clustering.scenarios import Run, account, phone, report

SHOP = "account:004:1112223330"


def crowd(size: int, **more: Any) -> list[dict[str, Any]]:
    told = {"verified": False, **more}
    return [
        report(str(n), [account("1112223330"), phone("0811111111")], **told) for n in range(size)
    ]


@pytest.mark.parametrize("size", [BRIGADE_REPORTS, 9, 50])
def test_a_burst_of_unverified_reports_is_one_voice_and_seen_as_suspicious(size: int) -> None:
    run = Run()
    run.feed(crowd(size))
    level, entry = run.levels()[SHOP], run.newest("watchlist")[SHOP]
    assert (level.reports, level.voices, level.acting) == (size, 1, False)
    assert entry["suspicious_reporting"].startswith(
        f"{size} of {size} reports came within two days"
    )
    cluster = run.cluster_of(SHOP)
    assert cluster["suspicious"] == [SHOP, "phone:+66811111111"]
    assert cluster["voices"] == 1


def test_fewer_reports_are_no_burst() -> None:
    run = Run()
    run.feed(crowd(BRIGADE_REPORTS - 1))
    assert run.levels()[SHOP].voices == BRIGADE_REPORTS - 1
    assert run.newest("watchlist")[SHOP]["suspicious_reporting"] is None


@pytest.mark.parametrize(
    "strong", [{"verified": True}, {"police_case": "1/2569"}, {"source": "bank-fraud-desk"}]
)
def test_one_strong_report_and_all_voices_count_again(strong: dict[str, Any]) -> None:
    run = Run()
    run.feed(crowd(12))
    told = {"verified": False, **strong}
    run.feed([report("strong", [account("1112223330")], **told)])
    assert run.levels()[SHOP].voices >= 12
    assert run.newest("watchlist")[SHOP]["suspicious_reporting"] is None
    run.feed([report("strong", kind="withdrawn", revision=2, **told)])
    assert run.levels()[SHOP].voices == 1


def test_reports_over_many_days_are_no_burst() -> None:
    run = Run()
    told = crowd(10)
    run.feed(
        [r | {"received_at": f"2026-11-{n + 1:02d}T10:00:00+07:00"} for n, r in enumerate(told)]
    )
    assert run.levels()[SHOP].voices == 10
