"""What Temporal is told of our errors."""

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.errors import DomainErrors, application_error, shortened
from control_plane_server.domain.errors import (
    CatalogIsAway,
    ContainerError,
    FunctionFailure,
    Misconfigured,
    Unavailable,
)


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (Unavailable("throttled"), ApplicationErrorCategory.BENIGN),
        (CatalogIsAway(), ApplicationErrorCategory.BENIGN),
        (Misconfigured("denied"), ApplicationErrorCategory.UNSPECIFIED),
        (FunctionFailure("no image"), ApplicationErrorCategory.UNSPECIFIED),
    ],
)
def test_every_error_is_retried_and_what_passes_by_itself_is_no_alarm(
    error: ContainerError, category: ApplicationErrorCategory
) -> None:
    translated = application_error(error)
    assert (translated.type, translated.message, translated.category) == (type(error).__name__, str(error), category)
    assert not translated.non_retryable


def test_long_messages_are_shortened() -> None:
    assert shortened(None) is None
    assert shortened("x" * 1_000) == "x" * 1_000
    assert shortened("x" * 1_001) == "x" * 999 + "…"


async def test_the_interceptor_translates_for_every_activity() -> None:
    class Failing(ActivityInboundInterceptor):
        async def execute_activity(self, input: ExecuteActivityInput) -> None:
            raise CatalogIsAway

    @activity.defn
    async def run() -> None:
        inbound = DomainErrors().intercept_activity(Failing(ActivityInboundInterceptor.__new__(Failing)))
        await inbound.execute_activity(ExecuteActivityInput(fn=run, args=[], executor=None, headers={}))

    with pytest.raises(ApplicationError) as translated:
        await ActivityEnvironment().run(run)
    assert translated.value.type == "CatalogIsAway"
