"""How every process of ours connects to Temporal: TEMPORAL_* and temporal.toml, read by the SDK's own reader."""

from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile
from temporalio.runtime import Runtime
from temporalio.service import GrpcCompression, KeepAliveConfig

from control_plane_server.orchestration.payloads import data_converter

DEFAULT_ADDRESS = "localhost:7233"
# A silent connection is closed after 17 seconds. Temporal's frontend ends connections that ping more often than every
# ten seconds (its setting frontend.keepAliveMinTime).
_KEEP_ALIVE = KeepAliveConfig(interval_millis=12_000, timeout_millis=5_000)
# The SDK would compress each message by itself. Ours are of a few kilobytes, as inputs and outputs stay in the catalog,
# and to compress them costs both sides more than to send them.
_COMPRESSION = GrpcCompression.NONE


async def connect_temporal(*, lazy: bool = False, runtime: Runtime | None = None) -> Client:
    """A client for TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE. `lazy`: it connects at its first call, and tries again at
    each call until it has connected.

    Raises RuntimeError if the server does not answer (not when lazy).
    """
    profile = ClientConfigProfile.load()
    config = profile.to_client_connect_config()
    config.setdefault("target_host", DEFAULT_ADDRESS)
    return await Client.connect(
        **config,
        data_converter=data_converter,
        lazy=lazy,
        runtime=runtime,
        keep_alive_config=_KEEP_ALIVE,
        grpc_compression=_COMPRESSION,
    )
