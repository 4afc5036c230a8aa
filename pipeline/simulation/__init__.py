"""The scenario generator: scam rings among honest payments, with the truth beside them.

It is the matcher's opponent, so it shares nothing with it: of the pipeline it may import the
contracts only, and every table of names, banks and spellings here is its own.
"""
