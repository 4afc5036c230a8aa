"""How good the signals are: clusters and alerts of a run against a truth.

It reads what `freezeline replay` writes (or what was read back from Kafka) and a truth in the form
of `pipeline.evaluation.truth`. Figures share no code with the matcher or the simulator; only to
say why something went wrong are reports read as the matcher reads them (`told.py`).
"""
