"""Keys by which a form that is sent twice submits once."""

import re
import secrets

from api.console.forms import Form
from control_plane_server.domain.bounds import MAX_IDEMPOTENCY_KEY_LENGTH

SUBMIT_KEY_FIELD = "submit_key"
_USABLE = re.compile(f"[ -~]{{1,{MAX_IDEMPOTENCY_KEY_LENGTH}}}")


def new_submit_key() -> str:
    """For a form that is about to be shown."""
    return f"console-{secrets.token_urlsafe(16)}"


def submit_key_of(form: Form) -> str:
    """Of a form that was sent. A new one if it has none that can be kept."""
    sent = form.get(SUBMIT_KEY_FIELD)
    return sent if _USABLE.fullmatch(sent) else new_submit_key()
