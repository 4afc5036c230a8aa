"""One nameless, unverified report does not put an account beside a known phone."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.nameless import REASON_NAMELESS
from tests.pipeline.clustering.oracle import Oracle
from tests.pipeline.clustering.scenarios import Run, account, line, person, phone, report, stored
from tests.pipeline.clustering.test_any_order import STANDARD

MULE, SHOP = "1112223330", "2223334441"
PHONE = "0811111111"
RING = [report(f"ring-{n}", [account(MULE), phone(PHONE)]) for n in range(2)]


def nameless(report_id: str, *suspects: dict[str, Any], **more: Any) -> dict[str, Any]:
    return report(report_id, suspects, reporter={"verified_by": "none"}, **more)


def is_with_the_ring(*reports: dict[str, Any]) -> bool:
    run = Run()
    run.feed([*RING, *reports])
    return f"account:004:{MULE}" in run.cluster_of(f"account:004:{SHOP}")["members"]


ACCUSATION = nameless("accusation", account(SHOP), phone(PHONE))


def test_a_nameless_word_puts_no_account_beside_the_phone_of_a_ring() -> None:
    assert not is_with_the_ring(ACCUSATION)


def test_what_a_nameless_word_says_is_shown_as_a_relation() -> None:
    run = Run()
    run.feed([*RING, ACCUSATION])
    (relation,) = run.cluster_of(f"account:004:{SHOP}")["relations"]
    assert REASON_NAMELESS in relation["reasons"]


def test_whoever_gives_a_name_is_believed() -> None:
    unverified = report("named", [account(SHOP), phone(PHONE)], verified=False)
    assert is_with_the_ring(unverified)


def test_a_second_nameless_voice_for_the_same_tie_is_believed() -> None:
    assert is_with_the_ring(ACCUSATION, nameless("second", account(SHOP), phone(PHONE)))


def test_an_account_that_a_verified_voice_names_is_believed_to_have_the_phone() -> None:
    assert is_with_the_ring(ACCUSATION, report("verified", [account(SHOP)]))


def test_a_nameless_word_about_a_phone_that_nobody_else_names_keeps_together() -> None:
    run = Run()
    run.feed([nameless("alone", account(SHOP), phone("0822222222"))])
    assert len(run.clusters()) == 1


def test_a_nameless_word_is_none_again_when_the_verified_one_is_withdrawn() -> None:
    verified = report("verified", [account(SHOP)])
    assert not is_with_the_ring(ACCUSATION, verified, {**verified, "kind": "withdrawn"})


told = st.lists(
    st.builds(
        lambda number, place, phones, also, kind: {
            **report(
                str(number),
                [account([MULE, SHOP][place]), *map(phone, phones), *map(line, also)],
                kind="withdrawn" if kind == "withdrawn" else "submitted",
            ),
            "reporter": {"verified_by": "thaid", "person": person(str(number % 3))}
            if kind == "verified"
            else {"verified_by": "none"},
        },
        st.integers(0, 12),
        st.integers(0, 1),
        st.lists(st.sampled_from([PHONE, "0822222222"]), max_size=2, unique=True),
        st.lists(st.sampled_from(["@a", "@b"]), max_size=1),
        st.sampled_from(["nameless", "nameless", "verified", "withdrawn"]),
    ),
    min_size=3,
    max_size=16,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(reports=told, seed=st.integers(0, 9))
def test_clusters_are_those_of_the_definition(reports: list[dict[str, Any]], seed: int) -> None:
    run = Run(STANDARD)
    run.feed(random.Random(seed).sample(reports, len(reports)))
    assert run.clusters() == Oracle([stored(r, STANDARD) for r in reports], STANDARD).clusters()
