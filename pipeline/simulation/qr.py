"""A PromptPay QR code's text: EMV merchant-presented mode, own encoder."""

from __future__ import annotations

PROMPTPAY_AID = "A000000677010111"
_PROXY_TAG = {13: "01", 15: "03"}
"""Sub-tags by the proxy's length: mobile (0066 and nine digits) and e-wallet."""


def crc16(data: bytes) -> int:
    """Return the CRC-16/CCITT (polynomial 0x1021, start 0xFFFF) that EMV asks for."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
            crc &= 0xFFFF
    return crc


def payload(proxy: str, amount_satang: int | None = None) -> str:
    """Write the QR text that pays a proxy (13 digits ``0066…`` or a 15-digit e-wallet).

    Raises:
        ValueError: the proxy has neither length.
    """
    tag = _PROXY_TAG.get(len(proxy))
    if tag is None:
        raise ValueError("a QR code holds a proxy of 13 or 15 digits")
    merchant = _field("00", PROMPTPAY_AID) + _field(tag, proxy)
    fields = [
        _field("00", "01"),
        _field("01", "11" if amount_satang is None else "12"),
        _field("29", merchant),
        _field("53", "764"),
    ]
    if amount_satang is not None:
        fields.append(_field("54", f"{amount_satang // 100}.{amount_satang % 100:02d}"))
    fields.append(_field("58", "TH"))
    text = "".join(fields) + "6304"
    return f"{text}{crc16(text.encode('ascii')):04X}"


def _field(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"
