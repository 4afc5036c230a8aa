"""What an operator does once in years: more partitions, backup and restore, rewriting topics."""
