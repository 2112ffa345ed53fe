"""Limits of the API that clients look at before they send something."""

MAX_INPUT_LENGTH = 249_999  # characters
