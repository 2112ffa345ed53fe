"""The published worker in the working directory of a process; in an image it is `start-multinode-worker` in /app."""

from pathlib import Path

from multinode.config import load_config_from_env
from multinode.utils.api import get_authenticated_client
from multinode.worker.runner import WorkerContext, WorkerRunner

WorkerRunner(get_authenticated_client(load_config_from_env()), WorkerContext.from_env(), Path.cwd()).run_worker()
