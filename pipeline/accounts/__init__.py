"""Everything known of an account, and the only place where freeze alerts are decided."""
