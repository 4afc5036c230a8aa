"""What the accounts ask to be held, of a log, before and after they get a new key."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from pipeline.accounts.fold import AccountsFold
from pipeline.contracts.account_log import Posting, Postings, encode_log_entry, partition_of
from pipeline.fold import LogRecord, Output
from pipeline.policy.policy import load_policy
from pipeline.state import MemoryState

ACCOUNT = "account:004:0123456789"
PAID_AT = 1_795_140_000_000


def held_with(log: Sequence[Output], partitions: int, keys: Sequence[bytes]) -> int:
    """Fold a log of claims in two halves, the later with all keys; return what is held (satang).

    Two equal payments came into the account, so two victims would have both held.
    """
    state, partition = MemoryState(), partition_of(ACCOUNT, partitions)
    mine = [output.value for output in log if output.partition == partition]
    paid = [
        Posting(ACCOUNT, f"bank/{n}", PAID_AT + n, 500_000, "account:002:9990001112", 2_000_000)
        for n in (1, 2)
    ]
    values = [encode_log_entry(Postings(paid)), *mine]
    newest: dict[str, dict] = {}
    for half, some in enumerate((values[:2], values[2:])):
        fold = AccountsFold(state, load_policy(), partition, partitions, keys[: half + 1])
        records = [LogRecord(10 * half + n, PAID_AT, None, v) for n, v in enumerate(some)]
        for output in fold.apply(records).outputs:
            if output.topic == "freeze-alerts":
                alert = orjson.loads(output.value)
                newest[alert["alert_id"]] = alert
    return sum(a["amount_satang"] for a in newest.values() if a["kind"] == "hold")
