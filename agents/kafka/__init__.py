"""Kafka from outside of the workers: reading, sending, topics, rights, positions."""
