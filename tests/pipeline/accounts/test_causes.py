"""The record of an alert is the same JSON as every other event's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.accounts.causes import alert_output
from pipeline.contracts.alerts import AlertKind, Evidence, FreezeAlert
from pipeline.contracts.codec import encode_json

WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
SATANG = st.integers(-(2**63), 2**63 - 1)
KINDS = {"str": WORDS, "int": SATANG}


def alerts() -> st.SearchStrategy[FreezeAlert]:
    evidence = st.builds(
        Evidence,
        WORDS,
        detail=st.none() | WORDS,
        amount_satang=st.none() | SATANG,
        references=st.lists(WORDS, max_size=2),
    )
    return st.builds(
        FreezeAlert,
        **{
            name: KINDS[kind] for name, kind in FreezeAlert.__annotations__.items() if kind in KINDS
        },
        evidence=st.lists(evidence, max_size=3),
        kind=st.sampled_from(AlertKind),
        releases=st.none() | st.sampled_from(AlertKind),
        superseded_by=st.none() | WORDS,
        account_total_satang=st.none() | SATANG,
    )


@given(alerts())
def test_an_alert_is_written_as_all_events_are(alert):
    assert alert_output(alert, None).value == encode_json(alert)
