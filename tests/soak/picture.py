"""A picture of a run: what is used over time, with the fitted slopes and the moments of faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.soak.slopes import HOUR_SECONDS, WARM_UP, Series, Slope

mpl.use("Agg")
PANELS = {
    "memory": "Memory of each process (MiB)",
    "handles": "File handles of each process",
    "disk": "Disk (bytes an event published until then)",
    "latency": "From a report to its first alert (ms)",
}


def draw(
    path: Path,
    series: Mapping[str, Series],
    slopes: Mapping[str, Slope],
    faults: Sequence[float],
    seconds: float,
) -> None:
    """Write the picture as PNG; ``faults`` are seconds since the beginning."""
    figure = Figure(figsize=(14, 16), layout="constrained")
    axes = figure.subplots(len(PANELS), 1, sharex=True)
    for (kind, title), panel in zip(PANELS.items(), axes, strict=True):
        _panel(panel, kind, title, series, slopes)
        for at in faults:
            panel.axvline(at / 60, color="0.85", linewidth=0.8, zorder=0)
        panel.axvspan(0, seconds * WARM_UP / 60, color="0.95", zorder=-1)
    axes[-1].set_xlabel("minutes; thin lines are faults, grey is the warm-up, which is not judged")
    figure.savefig(path, dpi=100)


def _panel(
    panel: Axes,
    kind: str,
    title: str,
    series: Mapping[str, Series],
    slopes: Mapping[str, Slope],
) -> None:
    panel.set_title(title, loc="left")
    panel.set_axisbelow(True)
    names = sorted(name for name in series if name.partition("/")[0] == kind)
    for place, name in enumerate(names):
        found, label = series[name], name.partition("/")[2] or "p50 to p99"
        color = f"C{place % 10}"
        minutes = [at / 60 for at in found.times]
        if kind == "latency":
            panel.scatter(minutes, found.values, s=6, color=color, label="a report")
            panel.set_yscale("log")
        else:
            panel.plot(minutes, found.values, color=color, linewidth=1.0, label=label)
        slope = slopes.get(name)
        if slope is not None and minutes:
            ends = [minutes[0], minutes[-1]]
            fitted = [slope.start + slope.an_hour * at * 60 / HOUR_SECONDS for at in ends]
            panel.plot(ends, fitted, color=color, linewidth=1.0, linestyle="--")
    panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", frameon=False)
