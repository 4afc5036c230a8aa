"""A desk of a whole office: what one account's owner tells other accounts is laid as well."""

from __future__ import annotations

from typing import Any

from pipeline.contracts.account_log import AccountEvent, Claim, Notice
from tests.pipeline.accounts.desk import Desk


class Office(Desk):
    """A desk on which what is told to other accounts is laid as well."""

    def lay(self, *events: Any) -> list[dict[str, Any]]:
        came = []
        for event in events:
            waiting, known = [event], len(self._told_on()) if self.outputs else 0
            while waiting:
                before = len(self.outputs)
                came += super().lay(*waiting)
                told = self._told_on() if len(self.outputs) > before else []
                waiting, known = told[known:], max(known, len(told))
        return came

    def told(self) -> list[Claim]:
        """The claims that were passed on, all versions."""
        return [event for event in self.notices() if isinstance(event, Claim)]

    def holds(self) -> dict[str, int]:
        """What is asked of each account that is held now."""
        return {
            alert["account"]: alert["amount_satang"]
            for (kind, _), alert in self.standing().items()
            if kind == "hold"
        }

    def _told_on(self) -> list[AccountEvent]:
        return [event for event in self.notices() if not isinstance(event, Notice)]
