"""How patient watches are, of containers and of leases."""

from datetime import timedelta

# A container that was told to stop is killed after its grace period, and as a rule gone within this after that.
USUAL_STOP = timedelta(seconds=30)
# A wait may take days: progress is noted this often, or its activity would count as one that hangs.
STEP = timedelta(minutes=1)
# A notification may be lost: then the catalog is read after this at the latest.
LONGEST_UNASKED = timedelta(minutes=5)
# Longer than any provisioner retries a call.
CALL_LIMIT = timedelta(minutes=2)
# Between tries while the catalog or the provisioner does not answer.
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)
