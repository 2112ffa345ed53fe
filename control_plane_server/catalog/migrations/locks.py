"""Who migrates, and who waits for that: locks of the session, under numbers that nobody else takes in this database."""

from sqlalchemy import text

# Held to the end.
MIGRATION_LOCK = 7_203_314_152
# What releases to 0007 wait for, in a transaction. What is made beside others' work waits for every transaction, so
# this one is let go before: they find a schema that they do not know, and leave it as it is.
LOCK_OF_EARLIER_RELEASES = 7_203_314_151

LET_EARLIER_RELEASES_GO_ON = text(f"SELECT pg_advisory_unlock({LOCK_OF_EARLIER_RELEASES})")
