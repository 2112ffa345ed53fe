"""What both sides must have in common: limits of the API, and what a container says by its exit code."""

MAX_INPUT_LENGTH = 249_999  # characters
MAX_CHECKPOINT_BYTES = 16 * 1024  # of UTF-8; above it in the object store
MAX_LARGE_CHECKPOINT_BYTES = 64 * 1024 * 1024

API_WAS_NOT_REACHED = 78  # EX_CONFIG of sysexits.h; before the execution was started, so that no code of users has run
IMPORT_TOOK_TOO_LONG = 79  # of a warm container, before it has asked for an execution
