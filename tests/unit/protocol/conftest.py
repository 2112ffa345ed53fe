"""The clock of plans, for every test of them."""

from tests.unit.protocol.scripts import clock

__all__ = ["clock"]
