"""A money trail as a picture: accounts in columns by hop, payments as bands between them."""

from __future__ import annotations

import html
from collections import Counter

import drawsvg

from agents.console import account_with_bank, thai_time
from pipeline.accounts.ends import LEFT_IN_CASH
from pipeline.accounts.money_trail import MoneyTrail, Place
from pipeline.accounts.reasons import baht
from pipeline.contracts.account_log import CASH, Leg

_WIDTH, _HEIGHT = 230, 74
_COLUMN, _ROW = 330, 96
_MARGIN = 24
_BAND = 26
"""How thick the band of the whole stolen sum is."""
_FONT = "sans-serif"


def svg_of(trail: MoneyTrail) -> str:
    """Return a trail as SVG: what was stolen on the left, where it rests to the right.

    What left in cash has a box in each column in which some did.
    """
    columns: dict[int, list[str]] = {}
    payer = trail.legs[0].payer
    columns[0] = [payer]
    for place in trail.places:
        columns.setdefault(place.hop, []).append(place.account)
    in_cash: Counter[int] = Counter()
    for leg in trail.legs:
        if leg.payee == CASH:
            in_cash[leg.hop] += leg.share
    for hop in in_cash:
        columns.setdefault(hop, []).append(_cash_out(hop))
    at = {
        account: (_MARGIN + hop * _COLUMN, _MARGIN + row * _ROW)
        for hop, accounts in columns.items()
        for row, account in enumerate(accounts)
    }
    width = 2 * _MARGIN + max(columns) * _COLUMN + _WIDTH
    height = 2 * _MARGIN + max(map(len, columns.values())) * _ROW
    drawing = drawsvg.Drawing(width, height)
    drawing.append(drawsvg.Rectangle(0, 0, width, height, fill="white"))
    for leg in trail.legs:
        payee = _payee(leg)
        if leg.payer in at and payee in at:
            thick = max(1.5, _BAND * leg.share / max(1, trail.stolen))
            title = (
                f"{leg.transaction}, {thai_time(leg.at)}: {baht(leg.share)} of {baht(leg.amount)}"
            )
            drawing.append(_band(at[leg.payer], at[payee], thick, title))
    drawing.append(_box(at.get(payer, (_MARGIN, _MARGIN)), payer, ["stolen from here"], "#eef"))
    for place in trail.places:
        if place.account != payer:
            colour = "#fdd" if place.asked else "#ffd" if place.resting else "#eee"
            drawing.append(_box(at[place.account], place.account, _lines(place), colour))
    for hop, satang in in_cash.items():
        drawing.append(_box(at[_cash_out(hop)], CASH, [f"left in cash {baht(satang)}"], "#ddd"))
    return str(drawing.as_svg())


def _cash_out(hop: int) -> str:
    """Return the name of the box of cash in a column: of each there may be one."""
    return f"{CASH}/{hop}"


def _payee(leg: Leg) -> str:
    return _cash_out(leg.hop) if leg.payee == CASH else leg.payee


def _lines(place: Place) -> list[str]:
    lines = [f"came {baht(place.came)}, rests {baht(place.resting)}"]
    if place.asked:
        lines.append(f"asked to hold {baht(place.asked)}")
    elif place.watched:
        lines.append("watch only")
    limits = [limit for _, limit in place.ends if limit != LEFT_IN_CASH]
    if limits:
        lines.append(f"trace ends here: {limits[0].replace('_', ' ')}")
    return lines


def _band(
    start: tuple[int, int], stop: tuple[int, int], thick: float, title: str
) -> drawsvg.DrawingElement:
    x, y = start[0] + _WIDTH, start[1] + _HEIGHT / 2
    to_x, to_y = stop[0], stop[1] + _HEIGHT / 2
    bend = max(60, abs(to_x - x) / 2)
    path = drawsvg.Path(stroke="#c33", stroke_width=thick, stroke_opacity=0.45, fill="none")
    path.M(x, y).C(x + bend, y, to_x - bend, to_y, to_x, to_y)
    path.append_title(title)
    return path


def _box(
    corner: tuple[int, int], account: str, lines: list[str], colour: str
) -> drawsvg.DrawingElement:
    x, y = corner
    group = drawsvg.Group()
    group.append(drawsvg.Rectangle(x, y, _WIDTH, _HEIGHT, fill=colour, stroke="#555", rx=4, ry=4))
    name = account_with_bank(account)
    group.append(drawsvg.Text(name, 13, x + 8, y + 20, font_family=_FONT, font_weight="bold"))
    for number, line in enumerate(lines):
        group.append(drawsvg.Text(line, 11, x + 8, y + 37 + 14 * number, font_family=_FONT))
    return group


def html_of(trails: list[MoneyTrail]) -> str:
    """Return trails as one HTML page: each a picture, and a table to check it by hand."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Money trail</title>"
        "<style>body{font-family:sans-serif}td,th{padding:2px 10px;text-align:left}"
        "td.n{text-align:right}</style>"
    ]
    for trail in trails:
        parts.append(f"<h1>{html.escape(trail.origin)}: {baht(trail.stolen)} baht</h1>")
        parts.append(f"<p>Method {html.escape(trail.method)} (docs/apportionment.md)</p>")
        parts.append(svg_of(trail))
        parts.append(
            "<table><tr><th>hop<th>time<th>payment<th>from<th>to<th>amount<th>stolen part"
            "<th>references</tr>"
        )
        for leg in trail.legs:
            names = [leg.transaction, leg.payer, leg.payee, ", ".join(leg.references)]
            payment, payer, payee, references = map(html.escape, names)
            parts.append(
                f"<tr><td>{leg.hop}<td>{thai_time(leg.at)}<td>{payment}<td>{payer}<td>{payee}"
                f"<td class=n>{baht(leg.amount)}<td class=n>{baht(leg.share)}<td>{references}</tr>"
            )
        parts.append("</table>")
    return "".join([*parts, "</html>\n"])
