"""A client for PostgreSQL of a few lines, as the images of these functions have no library for it.

The messages: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import socket
import struct
from urllib.parse import urlsplit


def ask(url, question):
    """The text of the only value that the statement returns. The server must trust its clients."""
    parts = urlsplit(url)
    server = socket.create_connection((parts.hostname, parts.port), timeout=10)
    startup = b"\0".join([b"user", parts.username.encode(), b"database", parts.path[1:].encode(), b"", b""])
    server.sendall(struct.pack("!ii", len(startup) + 8, 196_608) + startup)
    until_ready(server)
    statement = question.encode() + b"\0"
    server.sendall(b"Q" + struct.pack("!i", len(statement) + 4) + statement)
    (row,) = until_ready(server)
    server.close()
    return row[6:].decode()  # how many columns, and how long the first one is, are before it


def until_ready(server):
    """All rows before the server says that it is ready."""
    rows = []
    messages = server.makefile("rb")
    while True:
        kind, length = struct.unpack("!ci", messages.read(5))
        content = messages.read(length - 4)
        if kind == b"Z":
            return rows
        if kind == b"E":
            raise RuntimeError(content.replace(b"\0", b" ").decode())
        if kind == b"D":
            rows.append(content)
