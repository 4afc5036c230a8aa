"""The domain of Freezeline: pure folds from reports and payments to freeze alerts."""
