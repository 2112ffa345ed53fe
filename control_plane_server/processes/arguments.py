"""The command line that the `api` and `loop` processes share."""

import argparse

from environment.provisioner_names import ProvisionerName


def process_parser(program: str, description: str) -> argparse.ArgumentParser:
    """A parser whose result has `provisioner`, `create_tables` and `delete_tables`."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument(
        "--provisioner",
        type=ProvisionerName,
        choices=list(ProvisionerName),
        required=True,
        help="what runs the containers",
    )
    parser.add_argument("--create-tables", action="store_true", help="bring the catalog to the newest schema at start")
    parser.add_argument("--delete-tables", action="store_true", help="drop the catalog, data included, at the end")
    return parser
