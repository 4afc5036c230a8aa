"""What the demo's summary says of money."""

from agents.demo import within


def test_how_soon_money_was_asked_for_goes_by_the_money_not_by_the_holds():
    asked = [(900.0, 1), (10.0, 60), (30.0, 38), (500.0, 1)]
    assert within(asked, 0.5) == 10
    assert within(asked, 0.98) == 30
    assert within(asked, 0.99) == 500
    assert within(asked, 1) == 900
