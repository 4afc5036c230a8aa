"""The policy file as checked types; nothing else decides levels, clocks or amounts."""

from __future__ import annotations

from importlib import resources
from typing import Literal

import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from pipeline.declarations import parse_yaml

LevelName = Literal["black", "dark_grey", "light_grey", "dark_brown", "light_brown"]
NO_LEVEL = "none"
DEFAULT_POLICY = "th-2026-11.9"

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


class PolicyError(ValueError):
    """A policy file that cannot be used, in one sentence."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reporters(_Part):
    """Whose word counts as what."""

    verified_by: frozenset[Literal["thaid", "ndid", "police", "bank"]]
    police_sources: frozenset[str]
    bank_detection_sources: frozenset[str]
    laundering_list_sources: frozenset[str]


class LevelRule(_Part):
    """What an account's own reports must show for a level; every given figure must be reached."""

    level: LevelName
    voices: int = 0
    verified_voices: int = 0
    police_filed: bool = False
    bank_detected: bool = False
    laundering_listed: bool = False


class HubLimits(_Part):
    """Distinct other identifiers above which a value may be a public number, by kind.

    It is one where they change with its voices (`pipeline.clustering.hubs`).
    """

    account: int = Field(ge=2)
    phone: int = Field(ge=2)
    promptpay: int = Field(ge=2)
    handle: int = Field(ge=2)
    url: int = Field(ge=2)
    wallet: int = Field(ge=2)
    nid: int = Field(ge=2)

    def of(self, identifier: str) -> int:
        """Return the limit for an identifier key (its kind stands before the first colon)."""
        limit: int = getattr(self, identifier[: identifier.index(":")])
        return limit


class Clustering(_Part):
    """When reports are joined.

    ``bridge_bits`` say how sure it must be that two parts are two parties before what alone ties
    them together is cut (`pipeline.clustering.parties`).
    """

    hub_limit: HubLimits
    bridge_voices: int = Field(ge=1)
    bridge_identifiers: int = Field(ge=1)
    bridge_bits: float = Field(default=5.0, gt=0)
    one_edit_bits: float = Field(ge=10.0)
    cluster_limit: int = Field(ge=2)


class Claims(_Part):
    """How a disputed payment is matched to a posting, and when it is held before it is seen.

    ``unseen_reports`` is how many reports must name a number before a payment that nobody has seen
    is held there (0: no such rule); ``silent_banks`` are banks to which that does not apply, as
    they do not publish their payments.
    """

    time_tolerance_minutes: int = Field(ge=0, le=48 * 60)
    amount_tolerance_satang: int = Field(ge=0)
    seen_hours: int = Field(ge=0)
    unseen_reports: int = Field(default=0, ge=0)
    look_alikes: bool = False
    """Whether a payment that was not seen is looked for where a mistyped number was meant."""
    proxies: bool = False
    """Whether a payment that was not seen at a proxy is looked for at the account behind it."""
    payers: bool = False
    """Whether a payment that was not seen is looked for in the book of who says to have paid it."""
    usual_lengths: bool = False
    """Whether reports alone never confirm a number of a length that its bank does not give out."""
    silent_banks: frozenset[str] = frozenset()


class Holds(_Part):
    """Clocks and protection."""

    hours: int = Field(ge=1)
    police_hours: int = Field(ge=1)
    incoming_verified_voices: int = Field(ge=1)
    incoming_unseen_voices: int = Field(default=0, ge=0)
    """So many, while no disputed payment was seen there; 0: as many as always."""
    incoming_before_hours: int = Field(ge=0)
    small_sum_satang: int = Field(ge=0)


class OrdinaryTrade(_Part):
    """What an account must show to count as a shop that was paid with stolen money."""

    payers: int = Field(ge=1)
    hours: int = Field(ge=0)
    traced_percent: int = Field(ge=0, le=100)
    fast_minutes: int = Field(ge=0)


class Trace(_Part):
    """How stolen money is followed, and whose accounts are spared (`pipeline.accounts.tracing`).

    Money that came in payments of less than ``small_payment_satang`` each counts as small up to
    ``small_payments_satang`` in all (0: there is no such rule). So does money that is less than
    ``small_share_percent`` of the payment it came in.
    """

    method: Literal["fifo-1", "pro_rata-1", "fifo-2", "pro_rata-2"]
    verified: bool
    hops: int = Field(ge=1, le=20)
    accounts: int = Field(ge=1, le=100_000)
    small_sum_satang: int = Field(ge=0)
    small_payment_satang: int = Field(default=0, ge=0)
    small_payments_satang: int = Field(default=0, ge=0)
    small_share_percent: int = Field(default=0, ge=0, le=100)
    ordinary_trade: OrdinaryTrade
    ends_at_payer: bool = False
    """Whether a trace ends where the money comes back to the account that it was stolen from."""
    proxies: bool = False
    """Whether a payment that names a proxy alone is taken to the account behind the proxy."""


class Standing(_Part):
    """What the reports about one very account show; the input of `Policy.level`."""

    voices: int = 0
    verified_voices: int = 0
    police_filed: bool = False
    bank_detected: bool = False
    laundering_listed: bool = False


class Policy(_Part):
    """One version of the policy."""

    version: str = Field(pattern=r"^[a-z0-9.-]{1,40}$")
    valid_from: AwareDatetime
    reporters: Reporters
    levels: tuple[LevelRule, ...]
    acting_levels: frozenset[LevelName]
    clustering: Clustering
    claims: Claims
    holds: Holds
    trace: Trace | None = None
    """None: money is not followed, and a disputed payment is held as far as the balance goes."""
    look_back_hours: int = Field(ge=1, le=24 * 30)

    @model_validator(mode="after")
    def _acting_needs_verification(self) -> Policy:
        for rule in self.levels:
            weak = not rule.verified_voices and not rule.laundering_listed
            if rule.level in self.acting_levels and weak:
                message = f"level {rule.level} may act, so its rule needs verified_voices"
                raise ValueError(message)
        return self

    def level(self, standing: Standing) -> str:
        """Return the first level whose rule the account's standing fulfils, or ``none``."""
        for rule in self.levels:
            if (
                standing.voices >= rule.voices
                and standing.verified_voices >= rule.verified_voices
                and standing.police_filed >= rule.police_filed
                and standing.bank_detected >= rule.bank_detected
                and standing.laundering_listed >= rule.laundering_listed
            ):
                return rule.level
        return NO_LEVEL


def parse_policy(text: str) -> Policy:
    """Read a policy file's text.

    Raises:
        PolicyError: naming the first field that is wrong.
    """
    try:
        return Policy.model_validate(parse_yaml(text))
    except yaml.YAMLError as error:
        message = f"the policy is not YAML: {error}"
        raise PolicyError(message) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "policy"
        message = f"the policy's {place} is wrong: {first['msg']}"
        raise PolicyError(message) from None


def load_policy(version: str = DEFAULT_POLICY) -> Policy:
    """Load a policy that ships with the package by its version.

    Raises:
        PolicyError: no such version, or its file is wrong.
    """
    source = resources.files("pipeline.policy") / f"{version}.yaml"
    if not source.is_file():
        message = f"there is no policy {version!r}"
        raise PolicyError(message)
    return parse_policy(source.read_text(encoding="utf-8"))
