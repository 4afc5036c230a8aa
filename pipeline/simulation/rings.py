"""The scam rings: mule accounts and their hired holders, further layers, phones, handles, pages."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field

from pipeline.simulation.banks import BANKS, SHARES, Bank
from pipeline.simulation.people import Person
from pipeline.simulation.world import Account, World

SCAM_TYPES = ("purchase", "investment", "job", "impersonation", "loan", "romance")
AMOUNTS_BAHT: dict[str, tuple[int, int]] = {
    "purchase": (290, 18_000),
    "investment": (5_000, 400_000),
    "job": (500, 60_000),
    "impersonation": (20_000, 600_000),
    "loan": (900, 12_000),
    "romance": (3_000, 150_000),
}
"""What a victim of each scam type loses with one payment, in baht (from, to)."""

_WORDS = ("shop", "sale", "gold", "invest", "work", "easy", "rich", "mall", "loan", "care", "love")
_PLACES = ("bkk", "thai", "siam", "asia", "online", "official", "plus", "center", "global")
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_TOPS = ("com", "net", "shop", "vip", "xyz", "top")


@dataclass(frozen=True, slots=True, eq=False)
class Mule:
    """A mule account with its hired holder; ``look_alike`` is an innocent one digit away."""

    account: Account
    holder: Person
    national_id: str
    birth_date: str
    look_alike: Account | None
    namesake: Account | None


@dataclass(frozen=True, slots=True, eq=False)
class Team:
    """Who talks to some of a ring's victims, and with what."""

    phones: list[str]
    handles: list[tuple[str, str]]
    page: str


@dataclass(slots=True, eq=False)
class Ring:
    """One scam ring. ``layers`` are the accounts of hop 2, hop 3, …; handles are (platform, name).

    ``passed_phones`` are SIMs that another ring used before; they are in neither ring's ``phones``.
    A handle or a mule that passed on is in both rings' lists. Where it has ``teams``, these have
    all its phones, handles and pages but for those that passed on.
    """

    ring_id: str
    scam_type: str
    mules: list[Mule]
    layers: list[list[Account]]
    phones: list[str]
    handles: list[tuple[str, str]]
    pages: list[str]
    wallet: Account | None
    passed_phones: list[str] = field(default_factory=list)
    weight: float = 1.0
    opens_at: int = 0
    closes_at: int = 0
    phones_told: list[str] = field(default_factory=list)
    teams: list[Team] = field(default_factory=list)


def build_rings(rng: random.Random, world: World, count: int, start: int, hours: int) -> list[Ring]:
    """Build ``count`` rings that take money between ``start`` (ms) and ``hours`` later."""
    rings = [_ring(rng, world, index) for index in range(count)]
    span = hours * 3_600_000
    for ring in rings:
        ring.opens_at = start + rng.randrange(600_000, max(600_001, span // 4))
        ring.closes_at = start + rng.randrange(span * 2 // 3, span)
    if count >= 4:
        # At least one SIM was issued again: both rings gave it to victims.
        _pass_phone(world, rings[1], rings[3])
    for place, ring in enumerate(rings[1:]):
        _pass_on(rng, world, rings[: place + 1], ring)
    for ring in rings:
        ring.phones_told = [*ring.phones, *ring.passed_phones]
    return rings


def lengthen(rng: random.Random, world: World, rings: list[Ring], hops: int) -> None:
    """Give the rings' money ways of 2, 3, … up to ``hops`` accounts, one ring after the other."""
    for place, ring in enumerate(rings):
        del ring.layers[1 + place % (hops - 1) :]
        while len(ring.layers) < 1 + place % (hops - 1):
            layer = [world.open_account(bank) for bank in _banks(rng, rng.randrange(2, 5))]
            for account in layer:
                account.cushion = rng.randrange(0, 90_000)
            ring.layers.append(layer)


def _pass_on(rng: random.Random, world: World, earlier: list[Ring], ring: Ring) -> None:
    """Let a ring take over what an earlier one used."""
    level = world.level
    if rng.random() < level.passed_phone:
        _pass_phone(world, rng.choice(earlier), ring)
    if rng.random() < level.passed_handle:
        ring.handles.append(rng.choice(rng.choice(earlier).handles))
    if rng.random() < level.passed_account:
        ring.mules.append(rng.choice(rng.choice(earlier).mules))


def _pass_phone(world: World, earlier: Ring, ring: Ring) -> None:
    phone = world.phone()
    earlier.passed_phones.append(phone)
    ring.passed_phones.append(phone)


def _ring(rng: random.Random, world: World, index: int) -> Ring:
    scam_type = SCAM_TYPES[index % len(SCAM_TYPES)]
    layers = [
        [world.open_account(bank) for bank in _banks(rng, rng.randrange(2, 6))],
        [world.open_account(bank) for bank in _banks(rng, rng.randrange(2, 4))],
    ]
    if rng.random() < 0.5:
        layers.append([world.open_account()])
    for account in (each for layer in layers for each in layer):
        account.cushion = rng.randrange(0, 90_000)
    wallet = None
    if index % 3 == 1:
        address = _tron_address(rng)
        party = {"wallet_network": "tron", "wallet": address}
        wallet = Account(f"wallet:tron:{address}", "", address, party, False)
    pages = [_page(rng) for _ in range(rng.randrange(1, 3))]
    ring = Ring(
        ring_id=f"ring-{index + 1}",
        scam_type=scam_type,
        mules=_mules(rng, world, index),
        layers=layers,
        phones=[world.phone() for _ in range(rng.randrange(1, 4))],
        handles=_handles(rng, scam_type),
        pages=pages,
        wallet=wallet,
        weight=0.4 + rng.random() * 2,
    )
    if world.level.teams and rng.random() < world.level.teams:
        _take_teams(rng, world, ring)
    return ring


def _take_teams(rng: random.Random, world: World, ring: Ring) -> None:
    """Let two to four teams talk for a ring instead of one."""
    ring.teams = [
        Team(
            [world.phone() for _ in range(rng.randrange(1, 3))],
            _handles(rng, ring.scam_type),
            _page(rng),
        )
        for _ in range(rng.randrange(2, 5))
    ]
    ring.phones = [phone for team in ring.teams for phone in team.phones]
    ring.handles = [handle for team in ring.teams for handle in team.handles]
    ring.pages = [team.page for team in ring.teams]


def _tron_address(rng: random.Random) -> str:
    """Return a well-formed TRON address: Base58Check of 0x41 and twenty bytes."""
    body = b"\x41" + rng.randbytes(20)
    checksum = hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4]
    number = int.from_bytes(body + checksum, "big")
    address = ""
    while number:
        number, place = divmod(number, len(_BASE58))
        address = _BASE58[place] + address
    return address


def _banks(rng: random.Random, count: int) -> list[Bank]:
    chosen: list[Bank] = []
    while len(chosen) < count:
        bank = rng.choices(BANKS, SHARES)[0]
        if bank not in chosen:
            chosen.append(bank)
    return chosen


def _mules(rng: random.Random, world: World, index: int) -> list[Mule]:
    mules: list[Mule] = []
    # Rings of one, two, three and four accounts all occur.
    for number, bank in enumerate(_banks(rng, 1 + (index + rng.randrange(2)) % 4)):
        account = world.open_account(bank)
        account.cushion = rng.randrange(0, 90_000)
        if rng.random() < 0.6:
            world.register_phone(account)
        if mules and rng.random() < 0.3:
            # The same hired stranger opened a second account.
            first = mules[0]
            holder, national_id, birth_date = first.holder, first.national_id, first.birth_date
        else:
            holder, national_id = world.person(), rng.randbytes(32).hex()
            birth_date = (
                f"{rng.randrange(1, 29)}/{rng.randrange(1, 13)}/{rng.randrange(2505, 2549)}"
            )
        twin = world.look_alike(account) if number == 0 or rng.random() < 0.3 else None
        namesake = world.namesake(account) if index % 2 == 0 and number == 0 else None
        mules.append(Mule(account, holder, national_id, birth_date, twin, namesake))
    return mules


def _handles(rng: random.Random, scam_type: str) -> list[tuple[str, str]]:
    platforms = ["line", "facebook", "telegram", "instagram"]
    if scam_type in ("job", "investment"):
        platforms = ["telegram", "line", "facebook"]
    count = rng.randrange(1, 4)
    return [
        (platform, f"{rng.choice(_WORDS)}{rng.choice(_PLACES)}{rng.randrange(10, 10_000)}")
        for platform in platforms[:count]
    ]


def _page(rng: random.Random) -> str:
    if rng.random() < 0.35:
        name = f"{rng.choice(_WORDS)}{rng.choice(_PLACES)}{rng.randrange(10**4, 10**6)}"
        return f"facebook.com/{name}"
    host = f"{rng.choice(_WORDS)}-{rng.choice(_PLACES)}{rng.randrange(10, 10_000)}"
    path = rng.choice(("", "login", "promo", f"p/{rng.randrange(1000, 99_999)}"))
    return f"{host}.{rng.choice(_TOPS)}/{path}"


def handle_key(platform: str, name: str) -> str:
    """Return the canonical identifier of a handle; LINE's official accounts begin with @."""
    return f"handle:{platform}:@{name}" if platform == "line" else f"handle:{platform}:{name}"


def page_key(page: str) -> str:
    """Return the canonical identifier of a page; a Facebook page's address is its handle."""
    host, _, name = page.partition("/")
    return f"handle:facebook:{name}" if host == "facebook.com" else f"url:{page.rstrip('/')}"
