"""Kafka, Faust and RocksDB around the pure folds of `pipeline`: fetch, fold, send, store."""
