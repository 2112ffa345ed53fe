"""`Client` and `AsyncClient`: functions called, watched and deployed from applications."""

from control_plane.client.async_client import AsyncClient
from control_plane.client.client import Client

__all__ = ["AsyncClient", "Client"]
