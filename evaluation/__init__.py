"""What `make evaluate` measures: how good the signals are on labelled data. See README.md."""
