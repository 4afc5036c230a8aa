"""Times are written as everywhere; a number that looks like a better known one may be a slip."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clustering.levels import moment
from pipeline.contracts.codec import rfc3339
from tests.pipeline.clustering.scenarios import Run, account, report


@settings(deadline=None)
@given(at=st.integers(0, 253_402_300_799_999))
def test_a_moment_is_written_as_the_codec_does(at: int) -> None:
    assert moment(at) == rfc3339(at)


def test_a_number_that_looks_like_a_better_known_one_may_be_a_slip() -> None:
    run = Run()
    run.feed([report("slip", [account("1234567891")])])
    run.feed([report("1", [account("1234567890")])])
    slip, right = "account:004:1234567891", "account:004:1234567890"
    assert not run.levels()[slip].misspelt
    run.feed([report("2", [account("1234567890")])])
    assert run.levels()[slip].misspelt
    assert not run.levels()[right].misspelt
    run.feed([report("2", kind="withdrawn", revision=2)])
    assert not run.levels()[slip].misspelt


def test_a_slip_says_which_accounts_may_have_been_meant_as_far_as_their_banks_are_known() -> None:
    run = Run()
    run.feed([report("slip", [account("1234567891")])])
    for place, number in enumerate(("1234567890", "1234567892")):
        run.feed([report(f"{place}.{n}", [account(number)]) for n in range(2 + place)])
    run.feed([report(f"no bank {n}", [account("1234567893", None)]) for n in range(2)])
    slip = "account:004:1234567891"
    both = ("account:004:1234567890", "account:004:1234567892")
    assert run.levels()[slip].slip_of == both
    assert run.levels()[both[0]].slip_of == both[1:]
    assert run.levels()[both[1]].slip_of == ()
    run.feed([report("0.0", kind="withdrawn", revision=2)])
    assert run.levels()[slip].slip_of == both[1:]


def test_unverified_voices_make_no_slip_of_a_verified_ones_number() -> None:
    run = Run()
    run.feed([report("victim", [account("1234567891")])])
    run.feed([report(str(n), [account("1234567890")], verified=False) for n in range(9)])
    assert not run.levels()["account:004:1234567891"].misspelt
