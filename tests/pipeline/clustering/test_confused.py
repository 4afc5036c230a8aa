"""One voice alone that names accounts of two rings does not put them together."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.policy.policy import load_policy
from tests.pipeline.clustering.scenarios import Run, account, check_definition, line, phone, report

MULE, OTHER, THIRD = "1112223330", "5556667770", "9998887770"
CONTACTS = [phone("0811111111"), line("@quick")]
RING = [report(f"ring-{n}", [account(MULE), CONTACTS[n % 2]]) for n in range(12)]
CONFUSED = report("both", [account(MULE), account(OTHER)])


def told(*contacts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what others tell of the second account, each beside one contact."""
    return [report(f"other-{n}", [account(OTHER), told]) for n, told in enumerate(contacts)]


def is_one(*reports: dict[str, Any]) -> bool:
    run = Run()
    run.feed([*RING, *reports])
    return f"account:004:{OTHER}" in run.cluster_of(f"account:004:{MULE}")["members"]


OWN = told(phone("0822222222"), line("@rich"))


def test_contacts_that_are_not_the_rings_keep_an_account_out() -> None:
    assert not is_one(*OWN, CONFUSED)
    assert not is_one(CONFUSED, *OWN)


def test_an_account_that_others_name_without_contacts_stays_in() -> None:
    assert is_one(CONFUSED, *[report(f"other-{n}", [account(OTHER)]) for n in range(3)])


def test_a_contact_that_others_tell_beside_an_account_of_their_own_counts() -> None:
    third = report("third", [account(THIRD), phone("0822222222")])
    assert not is_one(*OWN[:1], third, CONFUSED)


def test_one_contact_that_nobody_else_names_may_be_a_slip() -> None:
    assert is_one(CONFUSED, *OWN[:1])


def test_a_contact_of_the_ring_is_a_tie_of_its_own() -> None:
    assert is_one(CONFUSED, *OWN, report("third", [account(OTHER), CONTACTS[0]]))


def test_a_second_voice_that_names_both_is_believed() -> None:
    assert is_one(CONFUSED, *OWN, report("also", [account(MULE), account(OTHER)]))


def test_of_a_ring_whose_contacts_are_hardly_known_nothing_is_said() -> None:
    run = Run()
    run.feed([*RING[:2], *OWN, CONFUSED])
    assert f"account:004:{OTHER}" in run.cluster_of(f"account:004:{MULE}")["members"]


def test_who_takes_the_contacts_back_puts_the_account_in_again() -> None:
    assert is_one(CONFUSED, *OWN, report("other-1", kind="withdrawn", revision=2))


def test_what_one_voice_says_alone_is_shown_as_a_relation() -> None:
    run = Run()
    run.feed([*RING, *OWN, CONFUSED])
    relations = run.cluster_of(f"account:004:{OTHER}")["relations"]
    (relation,) = [told for told in relations if MULE in told["a"] + told["b"]]
    assert "confused_voice" in relation["reasons"]


tellings = st.builds(
    lambda number, suspects, contacts, victim: report(
        str(number), [*map(account, suspects), *contacts], victim=victim
    ),
    st.integers(0, 60),
    st.sampled_from([[MULE], [MULE], [OTHER], [OTHER], [THIRD], [MULE, OTHER], [OTHER, THIRD]]),
    st.sampled_from([[], *[[c] for c in CONTACTS], [phone("0822222222")], [line("@rich")]]),
    st.sampled_from([None, None, None, "ann"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(tellings, min_size=4, max_size=14), seed=st.integers(0, 2**16))
def test_clusters_are_those_of_the_definition(events: list[dict[str, Any]], seed: int) -> None:
    check_definition(load_policy(), [*RING, *events], seed)
