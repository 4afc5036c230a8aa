"""Where payments and banks' answers enter: check, normalise, post by account."""
