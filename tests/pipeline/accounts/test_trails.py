"""Trails of stolen money that are put together."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.accounts.trails import in_order, joint_legs
from pipeline.contracts.account_log import Leg

LEGS = st.builds(
    Leg,
    st.integers(1, 4),
    st.sampled_from(["bank/a", "bank/b"]),
    st.sampled_from(["account:004:1", "account:006:2"]),
    st.just("account:014:3"),
    st.integers(1, 2),
    st.just(100),
    st.sampled_from([60, 100]),
    st.sampled_from([(), ("tx:1",), ("tx:2",)]),
)
TRAILS = st.lists(LEGS, min_size=1, max_size=5).map(tuple)


@given(st.lists(TRAILS, min_size=1, max_size=3))
def test_trails_together_have_each_payment_once_from_the_theft_on(trails):
    joint = joint_legs(trails)
    assert set(joint) == {leg for trail in trails for leg in trail}
    assert len(set(joint)) == len(joint)
    assert [leg.hop for leg in joint] == sorted(leg.hop for leg in joint)
    assert joint == in_order(set(joint))


@given(st.sets(LEGS, min_size=2, max_size=4))
def test_one_payment_under_several_names_has_one_order(legs):
    """Whatever came first: two books may know other references of the same payment."""
    assert len({joint_legs([(leg,) for leg in order]) for order in permutations(legs)}) == 1
    assert len({in_order(order) for order in permutations(legs)}) == 1
