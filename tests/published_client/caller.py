"""A user's program on the published SDK: `caller.py PROJECT FUNCTION [ARGUMENT …]`, arguments and answer as JSON."""

import json
import sys

from multinode import get_deployed_function
from multinode.errors import InvocationFailedError

project, name, *arguments = sys.argv[1:]
function = get_deployed_function(project, name)
invocation_id = function.start(*map(json.loads, arguments))
try:
    answer = {"result": function.await_result(invocation_id)}
except InvocationFailedError as error:
    answer = {"error": str(error)}
invocation = function.get(invocation_id)
print(
    json.dumps(
        answer
        | {
            "invocation_id": invocation_id,
            "status": str(invocation.status),
            "listed": invocation_id in function.list().invocation_ids,
        }
    )
)
