"""How messages are written for Temporal."""

from control_plane_server.orchestration.payloads import SharedPayloadConverter


def test_the_converters_of_all_workflows_share_their_type_adapters() -> None:
    one, another = SharedPayloadConverter(), SharedPayloadConverter()
    assert b"json/plain" in one.converters
    assert all(another.converters[encoding] is converter for encoding, converter in one.converters.items())
