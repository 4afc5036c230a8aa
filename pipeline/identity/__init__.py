"""From identifiers as people write them to canonical keys: one module a kind.

Every ``normalise_…`` is total (it raises on no text at all), idempotent, and tells what it changed
or guessed (`pipeline.identity.normalised`). Import the module of the kind that you need.
"""
