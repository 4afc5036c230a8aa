"""The command writes the scenario as files that fit together."""

import orjson
import typer
from typer.testing import CliRunner

from agents.cli.simulate import register


def _app() -> typer.Typer:
    app = typer.Typer()
    register(app)

    @app.command()
    def other() -> None:
        """Make it an app of several commands."""

    return app


def _run(*arguments: str):
    return CliRunner().invoke(_app(), ["simulate", *arguments])


def test_the_files_fit_together(tmp_path):
    small = ["--seed", "2", "--reports", "30", "--payments", "500", "--rings", "3"]
    first, second = tmp_path / "a", tmp_path / "b"
    assert _run("--out", str(first), *small).exit_code == 0
    assert _run("--out", str(second), *small).exit_code == 0
    names = ["reports.jsonl", "timeline.jsonl", "transactions.jsonl", "truth.json"]
    assert sorted(path.name for path in first.iterdir()) == names
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    lines = {
        name: (first / f"{name}.jsonl").read_bytes().splitlines()
        for name in ("reports", "transactions")
    }
    places = [orjson.loads(line) for line in (first / "timeline.jsonl").read_bytes().splitlines()]
    for name, rows in lines.items():
        assert [p["line"] for p in places if p["file"] == name] == list(range(1, len(rows) + 1))
    assert orjson.loads((first / "truth.json").read_bytes())["seed"] == 2


def test_a_start_without_an_offset_is_refused(tmp_path):
    result = _run("--out", str(tmp_path), "--start", "2026-11-02T08:00:00")
    assert result.exit_code == 2
    assert _run("--out", str(tmp_path), "--start", "yesterday").exit_code == 2
