"""Keys by which a form that is sent twice submits once."""

import secrets

SUBMIT_KEY_FIELD = "submit_key"


def new_submit_key() -> str:
    """For a form that is about to be shown."""
    return f"console-{secrets.token_urlsafe(16)}"
