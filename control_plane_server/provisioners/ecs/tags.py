"""Tags of task definitions and tasks: whose they are, for reports of what they cost."""

import hashlib
import unicodedata
from typing import TYPE_CHECKING

from control_plane_server.domain.identifiers import FunctionRef
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import TagTypeDef

PROJECT_TAG = "control-plane:project"
FUNCTION_TAG = "control-plane:function"
OUR_TAGS = frozenset({PROJECT_TAG, FUNCTION_TAG})
MOST_TAGS = 50  # of a resource

# Amazon ECS API reference, "Tag": letters, digits and spaces of any script, and these.
_LONGEST_VALUE = 256
_LEGAL = frozenset("_.:/=+-@")
_DIGEST_LENGTH = 16


def tags_of(function: FunctionRef, configuration: EcsConfiguration) -> "list[TagTypeDef]":
    """An operator's tags go before ours of the same key."""
    ours = {PROJECT_TAG: tag_value(function.project_name), FUNCTION_TAG: tag_value(function.function_name)}
    return [{"key": key, "value": value} for key, value in (ours | dict(configuration.tags)).items()]


def tag_value(name: str) -> str:
    """The name itself where AWS takes it. In others `_` stands for what it does not take, they are cut, and a digest
    tells them from names that would look the same."""
    value = "".join(character if _is_legal(character) else "_" for character in name)
    if value == name and len(name) <= _LONGEST_VALUE:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{value[: _LONGEST_VALUE - 1 - _DIGEST_LENGTH]}-{digest}"


def _is_legal(character: str) -> bool:
    # Of characters beyond 16 bits it is not known how AWS counts and classifies them.
    return character in _LEGAL or (unicodedata.category(character)[0] in "LNZ" and ord(character) < 0x10000)
