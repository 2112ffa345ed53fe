"""Sentences about why something ended or waits, made of what others said: paths, exceptions, answers of servers."""

from typing import overload

from control_plane_server.domain.bounds import MAX_ERROR_MESSAGE_LENGTH


@overload
def storable(reason: str) -> str: ...


@overload
def storable(reason: None) -> None: ...


def storable(reason: str | None) -> str | None:
    """The sentence as the catalog and Temporal can hold it. Where it ends something, nothing in it may prevent the end.

    NUL and what stands for an undecodable byte become question marks; what is too long is cut.
    """
    if reason is None:
        return None
    cut = reason if len(reason) <= MAX_ERROR_MESSAGE_LENGTH else f"{reason[: MAX_ERROR_MESSAGE_LENGTH - 1]}…"
    return cut.replace("\0", "?").encode(errors="replace").decode()
