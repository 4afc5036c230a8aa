"""What may act: the versioned policy file and the questions that folds ask of it."""
