"""Whose number it is: everybody's (a hub) or one ring's, by whom and how often it is named with.

A courier's, a bank's or an agency's number is named beside strangers: each voice brings new ones. A
ring's own phone comes with the same few accounts over and over, and now and then with a slip of one
of these. So what tells one from the other is not how many neighbours a number has, but how many for
each voice; and a ring of a thousand victims keeps its phone.
"""

from __future__ import annotations

from typing import Final

from pipeline.clustering.brigades import heard
from pipeline.clustering.rows import NodeSummary

STRANGERS: Final = (3, 4)
"""Above so many neighbours for so many voices a number comes with strangers. In worlds of two
generators couriers' and agencies' numbers have 1.1 to 3 a voice, the phones of large rings 0.3 to
0.5; who is named with one new neighbour by each voice has one."""

MOST_NEIGHBOURS: Final = 320
"""Above so many, where the limit is no higher, a number is everybody's in any case: what each
report about it costs hangs on them. The phone of a ring has as many when some 900 name it."""


def comes_with_strangers(summary: NodeSummary) -> bool:
    """Say whether an identifier's neighbours change with its voices."""
    many, voices = STRANGERS
    return summary.degree * voices > heard(summary) * many


def is_everybodys(summary: NodeSummary, limit: int) -> bool:
    """Say whether an identifier is a public number, by the limit of neighbours of its kind."""
    if summary.degree <= limit:
        return False
    return summary.degree > max(limit, MOST_NEIGHBOURS) or comes_with_strangers(summary)
