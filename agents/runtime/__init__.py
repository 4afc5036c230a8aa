"""Running a fold on Kafka: partitions, batches, state, acknowledgements, coming back."""
