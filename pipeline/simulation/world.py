"""The simulated world: accounts at banks, the people and shops that own them, phones."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.simulation.banks import BANKS, BY_CODE, SHARES, Bank
from pipeline.simulation.difficulty import Difficulty
from pipeline.simulation.people import Person, some_person

BAHT = 100
Party = Mapping[str, str | bool]
_RUNNING_BRANCHES = 12
_GAP = 3
"""About one in so many of a branch's running numbers is in use."""


class Account:
    """Something that can pay and be paid; the balance is filled in when payments are settled.

    ``party`` is how a payment event names it, ``proxied`` the same with its PromptPay proxy.
    ``proxy`` is the proxy as payments write it, ``proxy_key`` its canonical identifier.
    """

    __slots__ = (
        "balance",
        "balances",
        "code",
        "cushion",
        "key",
        "number",
        "party",
        "proxied",
        "proxy",
        "proxy_key",
    )

    def __init__(self, key: str, code: str, number: str, party: Party, balances: bool) -> None:
        self.key = key
        self.code = code
        self.number = number
        self.party = party
        self.proxied = party
        self.proxy: str | None = None
        self.proxy_key: str | None = None
        self.balances = balances
        self.cushion = 0
        self.balance = 0

    def register(self, proxy: str, proxy_key: str) -> None:
        """Give the account a PromptPay proxy."""
        self.proxy = proxy
        self.proxy_key = proxy_key
        self.proxied = {**self.party, "promptpay": proxy}


@dataclass(slots=True)
class World:
    """Every honest party, and the numbers that are taken.

    ``branches`` are, by bank and place, a branch's number, where its running numbers began, and
    how many accounts it opened.
    """

    rng: random.Random
    level: Difficulty
    taken: set[str] = field(default_factory=set)
    people: list[Account] = field(default_factory=list)
    names: dict[str, Person] = field(default_factory=dict)
    shops: list[Account] = field(default_factory=list)
    temples: list[Account] = field(default_factory=list)
    employers: list[Account] = field(default_factory=list)
    billers: list[Account] = field(default_factory=list)
    ewallets: list[Account] = field(default_factory=list)
    branches: dict[tuple[str, int], list[int]] = field(default_factory=dict)

    def account(self, bank: Bank | None = None, number: str | None = None) -> Account | None:
        """Open an account; None when the number is given and already taken."""
        chosen = bank or self.rng.choices(BANKS, SHARES)[0]
        while True:
            digits = number or self._digits(chosen)
            key = f"account:{chosen.code}:{digits}"
            if key not in self.taken:
                break
            if number:
                return None
        self.taken.add(key)
        party = {"bank": chosen.code, "account": digits}
        return Account(key, chosen.code, digits, party, chosen.balances)

    def open_account(self, bank: Bank | None = None) -> Account:
        """Open an account with a new random number."""
        opened = self.account(bank)
        if opened is None:  # pragma: no cover - only a given number can be taken
            raise AssertionError("a random number is never refused")
        return opened

    def phone(self) -> str:
        """Return an unused Thai mobile number, ``+668…``."""
        while True:
            number = f"+66{self.rng.choice('689')}{self.rng.randrange(10**8):08d}"
            # In the 6x series only 61 to 67 are mobiles.
            if number[3] == "6" and number[4] not in "12345":
                continue
            if number not in self.taken:
                self.taken.add(number)
                return number

    def register_phone(self, account: Account, phone: str | None = None) -> str:
        """Give the account a mobile number as PromptPay proxy, and return the number."""
        mobile = phone or self.phone()
        account.register(f"0066{mobile[3:]}", f"promptpay:phone:{mobile}")
        return mobile

    def citizen(self) -> tuple[Account, Person]:
        """Add one honest person with an account; half have a PromptPay proxy."""
        account = self.open_account()
        account.cushion = self.rng.randrange(500 * BAHT, 80_000 * BAHT)
        if self.rng.random() < 0.5:
            self.register_phone(account)
        person = self.person()
        self.names[account.key] = person
        return account, person

    def person(self) -> Person:
        """Return somebody with a name."""
        return some_person(self.rng, self.level.common_name)

    def look_alike(self, of: Account) -> Account | None:
        """Open an innocent's account at the same bank, one digit from another number."""
        at = self.rng.randrange(4, len(of.number))
        digit = str((int(of.number[at]) + self.rng.randrange(1, 10)) % 10)
        return self._innocent(BY_CODE[of.code], of.number[:at] + digit + of.number[at + 1 :])

    def namesake(self, of: Account) -> Account | None:
        """Open an innocent's account with the same number at another bank."""
        others = [b for b in BANKS if b.digits == len(of.number) and b.code != of.code]
        return self._innocent(self.rng.choice(others), of.number) if others else None

    def _innocent(self, bank: Bank, number: str) -> Account | None:
        account = self.account(bank, number)
        if account is not None:
            account.cushion = self.rng.randrange(500 * BAHT, 50_000 * BAHT)
            self.names[account.key] = self.person()
            self.people.append(account)
        return account

    def _digits(self, bank: Bank) -> str:
        if self.rng.random() < self.level.running_number:
            return self._next_digits(bank)
        # A branch out of a few hundred, and a number of its own somewhere in that branch.
        branch = self.rng.randrange(100, 500)
        return f"{branch}{self.rng.randrange(10 ** (bank.digits - 3)):0{bank.digits - 3}d}"

    def _next_digits(self, bank: Bank) -> str:
        """Return a number as branches give them out one after another, some not in use any more.

        A few large branches have most customers, so neighbours are one digit apart.
        """
        place = int(self.rng.random() ** 3 * _RUNNING_BRANCHES)
        if (bank.code, place) not in self.branches:
            branch, reached = self.rng.randrange(100, 1_000), self.rng.randrange(10**5, 9 * 10**6)
            self.branches[bank.code, place] = [branch, reached, 0]
        branch, reached, opened = self.branches[bank.code, place]
        self.branches[bank.code, place][2] += 1
        number = reached + self.rng.randrange(_GAP * (opened + _GAP))
        return f"{branch}{number:0{bank.digits - 3}d}"


def with_check_digit(twelve: str) -> str:
    """Complete a Thai tax number: twelve digits and the check digit that follows from them."""
    total = sum((13 - at) * int(digit) for at, digit in enumerate(twelve))
    return f"{twelve}{(11 - total % 11) % 10}"


def build_world(rng: random.Random, payments: int, level: Difficulty) -> World:
    """Build the honest part of the world, as large as that many payments need."""
    world = World(rng, level)
    people = max(200, payments // 8)
    world.people.extend(world.citizen()[0] for _ in range(people))
    for index in range(max(20, people // 20)):
        shop = world.open_account()
        shop.cushion = rng.randrange(5_000 * BAHT, 200_000 * BAHT)
        if index % 3:
            world.register_phone(shop)
        else:
            tax = with_check_digit(f"0105{rng.randrange(10**8):08d}")
            shop.register(tax, f"promptpay:tax:{tax}")
        world.names[shop.key] = world.person()
        world.shops.append(shop)
    for _ in range(max(2, people // 500)):
        temple = world.open_account()
        temple.cushion = rng.randrange(10_000 * BAHT, 10**6 * BAHT)
        world.register_phone(temple)
        world.names[temple.key] = world.person()
        world.temples.append(temple)
    for _ in range(max(2, people // 100)):
        employer = world.open_account()
        employer.cushion = rng.randrange(10**6 * BAHT, 10**7 * BAHT)
        world.employers.append(employer)
    for _ in range(10):
        biller = world.open_account()
        number = f"0994{rng.randrange(10**11):011d}"
        biller.register(number, f"promptpay:biller:{number}")
        biller.cushion = rng.randrange(10**6 * BAHT, 10**8 * BAHT)
        world.billers.append(biller)
    for _ in range(max(4, people // 50)):
        number = f"1400{rng.randrange(10**11):011d}"
        wallet = Account(f"promptpay:ewallet:{number}", "", number, {"promptpay": number}, False)
        world.ewallets.append(wallet)
    return world
