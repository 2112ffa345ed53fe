"""Limits of the API that clients look at before they send something."""

MAX_INPUT_LENGTH = 249_999  # characters
MAX_CHECKPOINT_BYTES = 16 * 1024  # of UTF-8; above it in the object store
MAX_LARGE_CHECKPOINT_BYTES = 64 * 1024 * 1024
