"""What charts draw."""

from datetime import datetime

from control_plane_server.catalog.invocation_series import Series


def as_columns(series: Series, *, until: datetime) -> dict[str, list[float]]:
    """Columns of the same length by their names; `span`, both ends of the time that they are of; and `step`. Times in
    seconds since 1970, durations in seconds."""
    points = series.points
    return {
        "span": [series.begin.timestamp(), until.timestamp()],
        "step": [series.step.total_seconds()],
        "start": [point.start.timestamp() for point in points],
        "succeeded": [point.succeeded for point in points],
        "failed": [point.failed for point in points],
        "timed_out": [point.timed_out for point in points],
        "cancelled": [point.cancelled for point in points],
        "waited_most": [point.waited_most.total_seconds() for point in points],
        "ran_median": [point.ran_median.total_seconds() for point in points],
        "ran_most": [point.ran_most.total_seconds() for point in points],
    }
