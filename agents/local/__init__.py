"""A Kafka and workers on this machine, for the demo, the tests and the benchmarks."""
