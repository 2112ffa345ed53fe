"""Shares that are soon used up."""

from datetime import timedelta

from api.shares import ShareLimits

SMALL_SHARES = ShareLimits(
    requests_at_once=2,
    requests_in_line=3,
    longest_wait=timedelta(seconds=0.1),
    streams=1,
    polls=1,
    reports_per_second=20,
    report_burst_seconds=0.05,
)
