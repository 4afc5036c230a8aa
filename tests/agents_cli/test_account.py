"""An account as a person names it on the command line."""

from __future__ import annotations

import pytest

from agents.cli.account import account_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("004 1234567890", "account:004:1234567890"),
        ("SCB 123-4-56789-0", "account:014:1234567890"),
        ("พร้อมเพย์ 0812345678", "promptpay:phone:+66812345678"),
        ("TrueMoney 0812345678", "account:?:0812345678"),
        ("promptpay:phone:+66812345678", "promptpay:phone:+66812345678"),
    ],
)
def test_an_account_is_named_as_in_a_banks_event(text: str, key: str) -> None:
    assert account_key(text) == key
