"""Moto's server, called in this process: it answers what the stand-in does not answer itself."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.aws.requests import Answer

_LONG_POLLS = 64  # each takes a thread for as long as it waits
_HOP_BY_HOP = ("content-length", "transfer-encoding", "connection")


class Moto:
    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._threads = ThreadPoolExecutor(max_workers=_LONG_POLLS, thread_name_prefix="moto")

    async def answer(self, request: web.Request, body: bytes) -> Answer:
        builder = EnvironBuilder(
            path=request.path,
            base_url=f"http://{request.host}",
            query_string=request.query_string,
            method=request.method,
            headers=list(request.headers.items()),
            data=body,
        )
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, builder)

    def _run(self, builder: EnvironBuilder) -> Answer:
        chunks, status, headers = run_wsgi_app(self._app, builder.get_environ(), buffered=True)
        dropped = _HOP_BY_HOP[1:] if builder.method == "HEAD" else _HOP_BY_HOP  # then it tells how long an object is
        kept = [(name, value) for name, value in headers if name.lower() not in dropped]
        return Answer(int(status.split()[0]), b"".join(chunks), kept)
