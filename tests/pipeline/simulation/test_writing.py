"""How people write: numbers, phones, names, QR codes."""

import datetime
import random
from collections import Counter

import pytest

from pipeline.simulation.banks import BY_CODE
from pipeline.simulation.names import (
    FAMILIES,
    FIRST_ELEMENTS,
    LAST_ELEMENTS,
    MEN,
    WOMEN,
)
from pipeline.simulation.people import some_person, written_name
from pipeline.simulation.qr import crc16, payload
from pipeline.simulation.world import with_check_digit
from pipeline.simulation.writing import (
    misspelt,
    misspelt_handle,
    moment,
    written_account,
    written_phone,
    wrong_bank,
)

_ASCII = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")


def test_the_tables_of_names_are_complete():
    assert len(MEN) + len(WOMEN) == 60
    assert len(FAMILIES) == 60
    for table in (MEN, WOMEN, FAMILIES, FIRST_ELEMENTS, LAST_ELEMENTS):
        assert len({row[0] for row in table}) == len(table)
        for thai, *romanised in table:
            assert not thai.isascii()
            assert len(romanised) == 3
            assert all(each.isascii() for each in romanised)


def test_names_come_in_many_forms():
    rng = random.Random(1)
    person = some_person(rng)
    forms = {written_name(rng, person) for _ in range(300)}
    assert len(forms) > 12
    assert any(form.isascii() for form in forms)


def test_common_names_are_shared_and_others_are_a_familys_own():
    rng = random.Random(5)
    common = Counter(some_person(rng, 1.0).family[0] for _ in range(2_000))
    own = Counter(some_person(rng, 0.0).family[0] for _ in range(2_000))
    assert common.most_common(1)[0][1] > 60
    assert own.most_common(1)[0][1] < 15


def test_free_spelling_goes_beyond_the_tables():
    rng = random.Random(6)
    person = some_person(rng)
    strict = {written_name(rng, person, 0.0) for _ in range(2_000)}
    assert {written_name(rng, person, 1.0) for _ in range(2_000)} - strict


def test_a_misspelt_handle_is_another_one():
    rng = random.Random(7)
    for _ in range(200):
        assert misspelt_handle(rng, "gold1122") != "gold1122"


def test_a_mistaken_bank_has_numbers_as_long():
    rng = random.Random(8)
    codes = {wrong_bank(rng, "030") for _ in range(50)}
    assert codes
    assert "030" not in codes
    assert all(BY_CODE[code].digits == 12 for code in codes)


def test_a_misspelt_number_is_one_edit_away():
    rng = random.Random(2)
    lengths = set()
    for _ in range(500):
        wrong = misspelt(rng, "1234567890")
        assert wrong != "1234567890"
        lengths.add(len(wrong))
    assert lengths == {9, 10, 11}


def test_a_written_account_keeps_its_digits():
    rng = random.Random(3)
    for code, digits in (("004", "0123456789"), ("030", "012345678901"), ("004", "012345678")):
        for _ in range(50):
            shown = written_account(rng, digits, code).translate(_ASCII)
            assert "".join(c for c in shown if c.isdigit()) == digits


def test_a_written_phone_keeps_its_national_number():
    rng = random.Random(4)
    shown = {written_phone(rng, "+66812345678") for _ in range(100)}
    assert len(shown) == 8
    for text in shown:
        digits = "".join(c for c in text.translate(_ASCII) if c.isdigit())
        assert digits.endswith("812345678")


def test_the_checksum_of_a_qr_code():
    # The check value that the CRC catalogue gives for CRC-16/IBM-3740.
    assert crc16(b"123456789") == 0x29B1
    text = payload("0066812345678", 12_345)
    assert text.startswith("00020101021229370016A00000067701011101130066812345678")
    assert "5406123.45" in text
    assert int(text[-4:], 16) == crc16(text[:-4].encode())
    with pytest.raises(ValueError, match="13 or 15"):
        payload("123")


def test_a_tax_number_has_its_check_digit():
    assert with_check_digit("010755800039") == "0107558000393"


def test_moments_are_rfc_3339():
    at = 1_793_581_200_123
    for utc in (False, True):
        read = datetime.datetime.fromisoformat(moment(at, utc))
        assert round(read.timestamp() * 1000) == at
