"""What may pass within a moment is not final at once, and what lasts is not tried for ever."""

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from control_plane_server.domain.errors import ContainerError, Misconfigured, Unavailable
from control_plane_server.provisioners.ecs.calls import translate_errors
from control_plane_server.provisioners.ecs.refusals import Refusals

RUN_TASK = "ecs:RunTask"
DENIED = ClientError(
    {"Error": {"Code": "AccessDeniedException", "Message": "User is not authorized to perform: ecs:RunTask"}}, "RunTask"
)
NO_ROLE = ClientError(
    {"Error": {"Code": "ClientException", "Message": "ECS was unable to assume the role 'arn:aws:iam::1:role/x'"}},
    "RunTask",
)
NO_CLUSTER = ClientError({"Error": {"Code": "ClusterNotFoundException", "Message": "Cluster not found."}}, "RunTask")
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "RunTask")
UNRECOGNIZED = ClientError(
    {"Error": {"Code": "UnrecognizedClientException", "Message": "The security token is invalid."}}, "RunTask"
)


class Calls:
    def __init__(self) -> None:
        self.now = 1_000.0
        self._refusals = Refusals(clock=lambda: self.now)

    def come_to(self, error: Exception | None, *, about: str = "function:1") -> type[ContainerError] | None:
        try:
            with self._refusals.judged(RUN_TASK, about=about), translate_errors(RUN_TASK):
                if error is not None:
                    raise error
        except (Misconfigured, Unavailable) as refusal:
            return type(refusal)
        return None


@pytest.mark.parametrize("error", [DENIED, NO_ROLE])
def test_a_permission_has_a_minute_to_spread(error: Exception) -> None:
    calls = Calls()
    seen = []
    for seconds in (0, 20, 39, 2, 30):
        calls.now += seconds
        seen.append(calls.come_to(error))
    assert seen == [Unavailable, Unavailable, Unavailable, Misconfigured, Misconfigured]


def test_what_another_function_may_do_says_nothing_of_this_one() -> None:
    calls = Calls()
    assert calls.come_to(DENIED) is Unavailable
    calls.now += 61
    assert calls.come_to(DENIED, about="another:1") is Unavailable
    assert calls.come_to(None, about="third:1") is None
    assert calls.come_to(DENIED) is Misconfigured


def test_a_refusal_after_a_success_or_long_after_another_one_is_a_new_one() -> None:
    calls = Calls()
    calls.come_to(DENIED)
    calls.now += 61
    assert calls.come_to(None) is None
    assert calls.come_to(DENIED) is Unavailable
    calls.now += 3_600
    assert calls.come_to(DENIED) is Unavailable


@pytest.mark.parametrize("error", [UNRECOGNIZED, NoCredentialsError()])
def test_missing_credentials_are_waited_for_some_minutes(error: Exception) -> None:
    calls = Calls()
    seen: list[type[ContainerError] | None] = []
    for _ in range(7):
        seen.append(calls.come_to(error, about=f"function:{len(seen)}"))
        calls.now += 60
    assert seen == [Unavailable] * 5 + [Misconfigured] * 2
    assert calls.come_to(None) is None
    assert calls.come_to(error) is Unavailable


@pytest.mark.parametrize(("error", "kind"), [(NO_CLUSTER, Misconfigured), (THROTTLED, Unavailable)])
def test_everything_else_is_as_it_is(error: Exception, kind: type[ContainerError]) -> None:
    calls = Calls()
    for _ in range(10):
        assert calls.come_to(error) is kind
        calls.now += 60
