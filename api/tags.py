"""What the API's operations are grouped by, in the order in which the document shows them."""

from enum import StrEnum


class Tag(StrEnum):
    PROJECTS = "projects"
    FUNCTIONS = "functions"
    INVOCATIONS = "invocations"
    BATCHES = "batches"
    DATA = "data"
    SECRETS = "secrets"
    SCHEDULES = "schedules"
    WEBHOOKS = "webhooks"
    CONTAINERS = "containers"
    SERVICE = "service"


DESCRIPTIONS = {
    Tag.PROJECTS: "A codebase: made, read, asked to go away.",
    Tag.FUNCTIONS: "Versions of a project, with the functions that they declare.",
    Tag.INVOCATIONS: "Calls of functions: submitted, read, followed, listed, asked to stop; and their logs.",
    Tag.BATCHES: "Many calls of one function, made by one request.",
    Tag.DATA: "Inputs and outputs that are too large for requests and answers, and files that containers have kept.",
    Tag.SECRETS: "What functions must know and nobody may read: set, listed by name, unset.",
    Tag.SCHEDULES: "Functions that are called by the clock: set, read, paused, triggered, backfilled, deleted.",
    Tag.WEBHOOKS: "Who is told that invocations have ended, and what became of telling it.",
    Tag.CONTAINERS: (
        "For the program in a container, which reports what becomes of its own execution. Nobody else needs these."
    ),
    Tag.SERVICE: "Whether the control plane works, and where images are put.",
}
