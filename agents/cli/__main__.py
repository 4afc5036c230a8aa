"""``python -m agents.cli``: the same as the command ``freezeline``."""

from agents.cli import main

main()
