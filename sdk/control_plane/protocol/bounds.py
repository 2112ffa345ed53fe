"""Limits of the API that clients look at before they send something."""

MAX_INPUT_LENGTH = 249_999  # characters
MAX_CHECKPOINT_BYTES = 16 * 1024  # of UTF-8
