"""How hard a scenario is: named levels, each a set of chances."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Difficulty:
    """One level. Every figure is a chance from 0 to 1 unless it says otherwise.

    Of an account number typed by hand: ``misspelt``; of those ``twice`` (two errors, so that the
    number alone leads nowhere); ``onto_look_alike`` (typed as an innocent's number, where the mule
    has such a neighbour); ``bank_missing`` and ``bank_wrong``. ``phone_misspelt`` and
    ``handle_misspelt`` are of phones and handles told, ``amount_off`` of payments without a slip.
    ``free_spelling`` is of names: letters as they sound to the writer. ``common_name`` is of
    people: one of the names that thousands bear. ``running_number`` is of accounts: the branch's
    next numbers, so that neighbours are one digit apart. ``courier`` is of reports: they name the
    courier's phone; of those ``local_courier`` a small one's, who few reports name.
    ``own_account`` is of reports: the victim's own account among the suspects, half of them with
    nothing that says so. ``passed_phone``, ``passed_handle``, ``passed_account`` are of rings: it
    uses what another ring used. ``teams`` is of rings: it has several who talk to victims, each
    with phones, handles and a page of their own; all victims pay into the ring's accounts.
    ``reissued`` is of false accusations: they give a phone that a
    ring had before the accused. ``reports_a_brigade`` is a number: one brigade comes with so many
    reports.
    """

    misspelt: float
    twice: float
    onto_look_alike: float
    bank_missing: float
    bank_wrong: float
    phone_misspelt: float
    handle_misspelt: float
    amount_off: float
    free_spelling: float
    common_name: float
    running_number: float
    courier: float
    local_courier: float
    own_account: float
    passed_phone: float
    passed_handle: float
    passed_account: float
    reissued: float
    reports_a_brigade: int
    teams: float = 0.0


DEFAULT = "default"

LEVELS: dict[str, Difficulty] = {
    "easy": Difficulty(
        misspelt=0.15,
        twice=0.0,
        onto_look_alike=0.05,
        bank_missing=0.05,
        bank_wrong=0.0,
        phone_misspelt=0.0,
        handle_misspelt=0.0,
        amount_off=0.1,
        free_spelling=0.05,
        common_name=0.05,
        running_number=0.0,
        courier=0.08,
        local_courier=0.0,
        own_account=0.001,
        passed_phone=0.0,
        passed_handle=0.0,
        passed_account=0.0,
        reissued=0.0,
        reports_a_brigade=3_000,
    ),
    DEFAULT: Difficulty(
        misspelt=0.3,
        twice=0.03,
        onto_look_alike=0.2,
        bank_missing=0.13,
        bank_wrong=0.015,
        phone_misspelt=0.02,
        handle_misspelt=0.02,
        amount_off=0.2,
        free_spelling=0.25,
        common_name=0.2,
        running_number=0.5,
        courier=0.16,
        local_courier=0.15,
        own_account=0.007,
        passed_phone=0.05,
        passed_handle=0.02,
        passed_account=0.01,
        reissued=0.2,
        reports_a_brigade=1_000,
    ),
    "hard": Difficulty(
        misspelt=0.45,
        twice=0.1,
        onto_look_alike=0.35,
        bank_missing=0.25,
        bank_wrong=0.05,
        phone_misspelt=0.06,
        handle_misspelt=0.06,
        amount_off=0.35,
        free_spelling=0.5,
        common_name=0.4,
        running_number=1.0,
        courier=0.22,
        local_courier=0.4,
        own_account=0.02,
        passed_phone=0.15,
        passed_handle=0.08,
        passed_account=0.04,
        reissued=0.5,
        reports_a_brigade=400,
    ),
}
LEVELS["teams"] = replace(LEVELS[DEFAULT], teams=0.7)


def level(name: str) -> Difficulty:
    """Return a level by its name.

    Raises:
        ValueError: there is no level of this name; the message lists them.
    """
    if name not in LEVELS:
        message = f"there is no difficulty {name!r}, only {', '.join(LEVELS)}"
        raise ValueError(message)
    return LEVELS[name]
