"""What banks and the police answered about one account's alerts, kept answer by answer."""

from __future__ import annotations

from pipeline.accounts.file import AccountFile
from pipeline.contracts.account_log import Answer
from pipeline.contracts.hold_updates import HoldStatus

RELEASED_BY_BANK = "released_by_bank"
REFUSED_BY_BANK = "refused_by_bank"
SEIZED = "seized"
_ENDS = {
    HoldStatus.RELEASED: RELEASED_BY_BANK,
    HoldStatus.REFUSED: REFUSED_BY_BANK,
    HoldStatus.SEIZED: SEIZED,
}


class Answers:
    """The newest answer to each alert, and what follows for the payments."""

    def __init__(self, file: AccountFile) -> None:
        self._file = file
        self.ended: dict[str, str] = {}
        """The origins whose hold a bank or the police ended, with the reason."""
        self.police_filed: int | None = None
        """When the police first said (ms) that a complaint was filed."""
        self._newest: dict[str, tuple[int, str, str]] = {}
        """By alert: when it was answered last, in which answer, and how."""
        self._alerts: dict[str, dict[str, str]] = {}
        """By origin: its alerts that were ended, with the reason."""
        for answer in file.answers.values():
            self.added(answer)

    def added(self, answer: Answer) -> str | None:
        """Take over a new answer; return the origin for which something is other now, if any."""
        if answer.status == HoldStatus.POLICE_FILED:
            if self.police_filed is None or answer.at < self.police_filed:
                self.police_filed = answer.at
        elif answer.alert_id is not None:
            answered = (answer.at, answer.update_id, answer.status)
            if answered > self._newest.get(answer.alert_id, (-1, "", "")):
                self._newest[answer.alert_id] = answered
                return self.said(answer.alert_id)
        return None

    def said(self, alert_id: str) -> str | None:
        """Take over that an alert was said (it may have been answered before); see `added`."""
        answered, said = self._newest.get(alert_id), self._file.said.get(alert_id)
        if answered is None or said is None:
            return None
        reason = _ENDS.get(HoldStatus(answered[2]))
        ended = self._alerts.setdefault(said.origin, {})
        if reason is None:
            ended.pop(alert_id, None)
        else:
            ended[alert_id] = reason
        before = self.ended.pop(said.origin, None)
        if ended:
            self.ended[said.origin] = ended[max(ended)]
        return said.origin if before != self.ended.get(said.origin) else None
