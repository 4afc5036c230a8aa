"""Measurements of Freezeline on a real Kafka, each beside a bare Kafka loop of the same run."""
