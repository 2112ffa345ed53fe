from tests.unit.protocol.scripts import clock

__all__ = ["clock"]
