"""How good the signals are: clusters and alerts of a run against a truth.

It reads what `freezeline replay` writes (or what was read back from Kafka) and a truth in the form
of `pipeline.evaluation.truth`, and shares no code with the matcher or the simulator.
"""
