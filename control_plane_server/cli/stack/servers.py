"""The programs of a stack that are our child processes: how each is called and what it finds in its environment."""

import os
import sys
from datetime import timedelta
from pathlib import Path

from control_plane.access.local_stacks import StackAccess

from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.options import StackOptions
from control_plane_server.cli.stack.ports import LOOPBACK
from control_plane_server.cli.stack.server import Server
from control_plane_server.cli.stack.temporal import temporal_command
from environment.development import bare_environment, python_environment
from environment.settings import PostgresSettings

# -P: a folder named `api` where the user happens to be must not be taken for ours.
_PYTHON = (sys.executable, "-P", "-m")
SECRETS_KEYS = "CONTROL_PLANE_SECRETS_KEYS"


def temporal_server(options: StackOptions, folder: DataFolder, *, namespace: str, has_file: bool = True) -> Server:
    """`has_file`: its state is in the folder, else in memory. Raises StackError if the program is missing."""
    command = temporal_command(
        # By its name in the folder where it runs: it becomes part of an address, in which `?` and `%` mean something.
        database=Path(folder.temporal_database.name) if has_file else None,
        port=options.temporal_port,
        ui_port=options.temporal_ui_port,
        namespace=namespace,
    )
    return Server(
        name="temporal",
        command=command,
        environment=bare_environment(),
        grace=timedelta(seconds=10),
        folder=folder,
        umask=0o077,  # its database is for its owner's eyes alone
    )


def loop_server(
    options: StackOptions, folder: DataFolder, environment: dict[str, str], *, name: str = "loop"
) -> Server:
    return Server(
        name=name,
        command=(*_PYTHON, "control_plane_server.processes.loop", f"--provisioner={options.provisioner}"),
        environment=environment,
        grace=timedelta(seconds=20),
        folder=folder,
    )


def api_server(options: StackOptions, folder: DataFolder, environment: dict[str, str], *, name: str = "api") -> Server:
    where = (f"--host={LOOPBACK}", f"--port={options.port}")
    return Server(
        name=name,
        command=(*_PYTHON, "control_plane_server.processes.api", f"--provisioner={options.provisioner}", *where),
        environment=environment,
        grace=timedelta(seconds=10),
        folder=folder,
    )


def process_environment(
    *, folder: DataFolder, api_keys: str, postgres: PostgresSettings, access: StackAccess
) -> dict[str, str]:
    """What `api` and `loop` read. Settings of an embedded server hide all others, temporal.toml included."""
    embedded_temporal = access.web_ui_url is not None
    embedded_postgres = postgres.host.startswith("/")
    hidden = ("TEMPORAL_",) * embedded_temporal + ("PG",) * embedded_postgres
    environment = python_environment(without_prefixes=hidden)
    if access.web_ui_url is not None:
        environment.setdefault("CONTROL_PLANE_TEMPORAL_UI_URL", access.web_ui_url)
        environment |= {
            "TEMPORAL_ADDRESS": access.temporal_address,
            "TEMPORAL_NAMESPACE": access.temporal_namespace,
            "TEMPORAL_CONFIG_FILE": os.devnull,
        }
    environment.setdefault("CONTROL_PLANE_BLOBS_URL", folder.blobs.as_uri())
    environment.setdefault("CONTROL_PLANE_CONSOLE", "true")
    return environment | {
        "POSTGRES_HOST": postgres.host,
        "POSTGRES_PORT": str(postgres.port),
        "POSTGRES_DB": postgres.db,
        "POSTGRES_USER": postgres.user,
        "POSTGRES_PASSWORD": postgres.password.get_secret_value(),
        "CONTROL_PLANE_API_KEY": api_keys,
        "CONTROL_PLANE_API_URL": access.api_url,
        "CONTROL_PLANE_DATA_DIR": str(folder.path),
    }
