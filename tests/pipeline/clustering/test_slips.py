"""Of a number that many people name there are many slips, so less else must speak for one."""

from __future__ import annotations

import pytest

from pipeline.clustering.slips import MOST_SLIP_BITS, slip_bits
from tests.pipeline.clustering.scenarios import Run, account, report

NUMBER, SLIP = "1111222330", "1111232330"
HOLDER, GIVEN = "ภูริวัจน์ ธนกฤตยากร", "ภูริวัจน์"


def clusters(voices: int, holder: str | None) -> int:
    run = Run()
    run.feed([report(f"known-{n}", [account(NUMBER, holder=HOLDER)]) for n in range(voices)])
    run.feed([report("slip", [account(SLIP, holder=holder)])])
    return len(run.clusters())


def test_a_given_name_is_enough_for_a_slip_of_a_number_that_many_name() -> None:
    assert clusters(voices=1, holder=GIVEN) == 2
    assert clusters(voices=8, holder=GIVEN) == 1


def test_without_a_name_no_neighbour_is_taken_for_a_slip_however_many_name_the_other() -> None:
    run = Run()
    run.feed([report(f"known-{n}", [account(NUMBER, holder=HOLDER)]) for n in range(40)])
    run.feed([report("neighbour", [account(NUMBER[:-1] + "1")])])
    assert len(run.clusters()) == 2


@pytest.mark.parametrize(("one", "other"), [(1, 1), (1, 3), (2, 9), (0, 5), (7, 40)])
def test_slip_bits_grow_with_the_share_of_voices_up_to_a_limit(one: int, other: int) -> None:
    assert slip_bits(one, other) == slip_bits(other, one)
    assert 0 <= slip_bits(one, other) <= slip_bits(one, 2 * other) <= MOST_SLIP_BITS


def test_a_withdrawal_takes_the_bits_back() -> None:
    run = Run()
    run.feed([report(f"known-{n}", [account(NUMBER, holder=HOLDER)]) for n in range(8)])
    run.feed([report("slip", [account(SLIP, holder=GIVEN)])])
    run.feed([report(f"known-{n}", kind="withdrawn", revision=2) for n in range(1, 8)])
    assert len(run.clusters()) == 2
