"""The sign that the account-log is being given more partitions (agents.upkeep.growth)."""

GROWTH_JOURNAL = "account-log-growth"
"""A topic that exists only meanwhile, with the journal of what is done; no worker starts then. It
is declared nowhere, because it is no part of a cluster at rest."""
