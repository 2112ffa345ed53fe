"""Registers our search attributes in a Temporal namespace."""

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from control_plane_server.domain.errors import Misconfigured
from workflows.naming import SEARCH_ATTRIBUTE_TYPES, SEARCH_ATTRIBUTES

_TYPES: dict[str, IndexedValueType.ValueType] = {
    key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in SEARCH_ATTRIBUTES
}


async def register_search_attributes(client: Client) -> None:
    """Add those that are missing. May be repeated, and run by several processes at once.

    Raises Misconfigured with the command to run where we may not add them ourselves, RPCError if Temporal is away.
    """
    missing = await missing_search_attributes(client)
    if not missing:
        return
    request = AddSearchAttributesRequest(
        namespace=client.namespace, search_attributes={name: _TYPES[name] for name in missing}
    )
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status is RPCStatusCode.ALREADY_EXISTS:
            return
        if error.status is RPCStatusCode.PERMISSION_DENIED:
            raise Misconfigured(_advice(client.namespace, missing)) from error
        raise


async def missing_search_attributes(client: Client) -> list[str]:
    """The names of those that are missing; all names where we may not list them. Raises RPCError if Temporal is
    away."""
    wanted = [key.name for key in SEARCH_ATTRIBUTES]
    try:
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED):
            return wanted  # adding them says which exist
        raise
    return [name for name in wanted if name not in known.custom_attributes]


def _advice(namespace: str, names: list[str]) -> str:
    options = " ".join(f"--name {name} --type {SEARCH_ATTRIBUTE_TYPES[name]}" for name in names)
    return (
        f"the Temporal namespace {namespace!r} lacks search attributes that this process may not add; "
        f"someone who may must run: temporal operator search-attribute create --namespace {namespace} {options}"
    )
