"""Orders trouble of the stand-in for AWS, which passes by itself after some seconds."""

from tests.aws.control import Control
from tests.aws.wire import Fault as Order
from tests.chaos.plan import Fault, Target

_SECONDS = (2.0, 8.0)
_LATEST_SECONDS = 3.0


async def begin(aws: Control, fault: Fault) -> None:
    shortest, longest = _SECONDS
    seconds = shortest + fault.choice * (longest - shortest)
    match fault.target:
        case Target.RUN_TASK_THROTTLED:
            await aws.throttle("RunTask", seconds=seconds, is_hidden=fault.downtime > 0)
        case Target.NO_CAPACITY:
            await aws.lack_capacity(seconds=seconds)
        case Target.RUN_TASK_UNANSWERED:
            await aws.order(Order(action="RunTask", kind="lose_response", duration_seconds=seconds))
        case Target.STOP_TASK_UNANSWERED:
            await aws.order(Order(action="StopTask", kind="lose_response", duration_seconds=seconds))
        case Target.TASKS_NOT_DESCRIBED:
            code, message = "ServerException", "Service Unavailable. Please try again later."
            await aws.order(
                Order(
                    action="DescribeTasks",
                    kind="error",
                    code=code,
                    message=message,
                    status=500,
                    duration_seconds=seconds,
                )
            )
        case Target.TASKS_SEEN_LATE:  # from now on, until it is drawn again
            await aws.set(visibility_delay_seconds=fault.choice * _LATEST_SECONDS)
        case _:
            raise ValueError(fault.target)
