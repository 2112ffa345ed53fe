"""How arguments and results are written for Temporal: as JSON, by pydantic."""

from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import CompositePayloadConverter, EncodingPayloadConverter

from control_plane_server.domain.messages import FailedAttempt

_FAILED_ATTEMPT = TypeAdapter(FailedAttempt)


class _FailedAttemptConverter(EncodingPayloadConverter):
    """Reads a FailedAttempt where no type is asked for, as in a failure, under an encoding of its own.

    A release that does not know it cannot read the failure, so that its workflow task is repeated until it meets a
    process that can. If it could, it would take the failure for the workflow's.
    """

    @property
    def encoding(self) -> str:
        return "json/control-plane-failed-attempt"

    def to_payload(self, value: Any) -> Payload | None:
        if not isinstance(value, FailedAttempt):
            return None
        return Payload(metadata={"encoding": self.encoding.encode()}, data=_FAILED_ATTEMPT.dump_json(value))

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> FailedAttempt:
        return _FAILED_ATTEMPT.validate_json(payload.data)


_SHARED = (_FailedAttemptConverter(), *PydanticPayloadConverter().converters.values())


class SharedPayloadConverter(CompositePayloadConverter):
    """Pydantic's converter, with one cache of type adapters for the process.

    The SDK makes a converter for every workflow it runs, and with each an empty cache: building the adapters of an
    invocation's messages takes longer than running its workflow.
    """

    def __init__(self) -> None:
        super().__init__(*_SHARED)


data_converter = replace(pydantic_data_converter, payload_converter_class=SharedPayloadConverter)
