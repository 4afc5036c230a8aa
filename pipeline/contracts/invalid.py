"""What is said of an event that cannot be taken: a closed reason and a path, no values."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why an event is refused; the value of a dead letter's ``dlq.reason`` header."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    REGISTRY_MAGIC_BYTE = "registry_magic_byte"
    NOT_JSON = "not_json"
    NOT_UTF8 = "not_utf8"
    NUL_CHARACTER = "nul_character"
    BAD_ENVELOPE = "bad_envelope"
    WRONG_FIELD = "wrong_field"
    MISSING_FIELD = "missing_field"
    UNKNOWN_KIND = "unknown_kind"
    BAD_TIME = "bad_time"
    BAD_IDENTIFIER = "bad_identifier"
    RAW_NATIONAL_ID = "raw_national_id"
    MISPLACED_CASH = "misplaced_cash"
    NOT_A_LOG_RECORD = "not_a_log_record"


class InvalidEvent(Exception):
    """An event that is not valid: ``reason`` from the closed list, ``field`` its JSON path.

    Neither holds anything that the event said, so both may be logged and put into headers.
    """

    def __init__(self, reason: Reason, field: str = "") -> None:
        super().__init__(f"{reason.value} at {field}" if field else reason.value)
        self.reason = reason
        self.field = field

    def as_value(self) -> InvalidEvent:
        """Return it without where it was raised, so that it may be kept like any other value.

        A traceback holds its frames and those that called them, with all records of the batch:
        they would stay in memory until cycles are collected.
        """
        self.__traceback__ = self.__context__ = None
        return self
