"""How arguments and results are written for Temporal: as JSON, by pydantic."""

from dataclasses import replace

from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import CompositePayloadConverter

_SHARED = tuple(PydanticPayloadConverter().converters.values())


class SharedPayloadConverter(CompositePayloadConverter):
    """Pydantic's converter, with one cache of type adapters for the process.

    The SDK makes a converter for every workflow it runs, and with each an empty cache: building the adapters of an
    invocation's messages takes longer than running its workflow.
    """

    def __init__(self) -> None:
        super().__init__(*_SHARED)


data_converter = replace(pydantic_data_converter, payload_converter_class=SharedPayloadConverter)
