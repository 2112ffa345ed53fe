"""Starts the workflow of an invocation that the catalog knows and Temporal does not."""

from typing import TYPE_CHECKING

from temporalio.client import Client

from control_plane_server.domain.unfinished import UnfinishedInvocation
from workflows import requests, starting

if TYPE_CHECKING:
    from control_plane_server.telemetry.spans import Spans


class InvocationStarter:
    """`spans`: None if tracing is off."""

    def __init__(self, client: Client, spans: "Spans | None") -> None:
        self._client = client
        self._spans = spans

    async def start(self, invocation: UnfinishedInvocation, *, resumes: bool, has_slot: bool = False) -> bool:
        """False if its workflow exists. `resumes`: it replaces one that was lost. `has_slot`: its newest attempt was
        granted one. Raises RPCError."""
        if self._spans is None:
            request = requests.for_unfinished(invocation, resumes=resumes, has_slot=has_slot)
            return await starting.start_invocation(self._client, request, runs_here=True)
        origin = self._spans.origin(invocation.invocation_id)
        traceparent = self._spans.traceparent_of(origin)
        request = requests.for_unfinished(invocation, resumes=resumes, has_slot=has_slot, traceparent=traceparent)
        is_started = await starting.start_invocation(self._client, request, runs_here=True)
        if is_started:
            origin.end()
        return is_started
