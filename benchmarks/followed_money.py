"""How much of the stolen money that is still somewhere is held, and how much of others' is.

``python -m benchmarks.followed_money [--seeds N …] [--hops N] [--json]`` replays simulated days
without Kafka and compares the holds with a reference, the whole ledger of the day
(`pipeline.evaluation.money`). With ``--hops`` the rings' money goes through 2, 3, … up to so many
accounts; beyond the fifth it is neither followed nor looked for.
"""

from __future__ import annotations

from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, machine, note, show, versions
from evaluation.measure import money_figures
from evaluation.report import money_of_all
from evaluation.runs import World


def measure(seeds: list[int], reports: int, hops: int | None) -> Figures:
    """Run the worlds and return the figures of all together, and of each."""
    days = []
    for seed in seeds:
        note(f"seed {seed}")
        days.append({"seed": seed, **money_figures(World(seed, reports, "default", hops))})
    return {
        **money_of_all(days),
        "days": days,
        "machine": machine(),
        "versions": versions(),
    }


def print_table(figures: Figures) -> None:
    show(
        "Simulated days, in satang",
        ("seed", "reachable at the alert", "still somewhere", "held of it", "wrongly asked"),
        [
            (
                f"{day['seed']}",
                f"{day['reachable_at_alert_satang']:,}",
                f"{day['resting_satang']:,}",
                f"{day['money_covered']:.4%}",
                f"{day['innocent_satang']:,}",
            )
            for day in figures["days"]
        ],
    )


def main() -> None:
    parser = command_line("followed_money", __doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--reports", type=int, default=120)
    parser.add_argument("--hops", type=int)
    options = parser.parse_args()
    tell(options, lambda: measure(options.seeds, options.reports, options.hops), print_table)


if __name__ == "__main__":
    main()
