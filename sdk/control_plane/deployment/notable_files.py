"""Files of a deployment that were perhaps not meant to be in it: large ones, and such as hold secrets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from control_plane.deployment.ignoring import OURS

_LARGE_BYTES = 50_000_000
_SECRETS = (
    *(".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx", "id_rsa", "id_dsa", "id_ecdsa"),
    *("id_ed25519", "credentials", "credentials.*", "*service-account*.json", ".netrc", ".pgpass", ".pypirc", ".npmrc"),
)
_EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist")
_MOST_NAMED = 5


def warnings(sizes: Mapping[Path, int]) -> Iterator[str]:
    """Lines about files, given by their sizes in bytes."""
    large = [f"{path} ({size / 1e6:,.0f} MB)" for path, size in sizes.items() if size > _LARGE_BYTES]
    secret = [str(path) for path in sizes if is_secret(path.name)]
    if large:
        yield f"large, and copied with each deployment: {in_short(large)}; {OURS} may name what is not needed"
    if secret:
        yield f"these look like secrets, and go along: {in_short(secret)}; {OURS} may name what is not to"


def is_secret(name: str) -> bool:
    """By its name, whether a file is likely to hold one."""
    return name not in _EXAMPLES and any(fnmatch(name.lower(), pattern) for pattern in _SECRETS)


def in_short(names: Iterable[str]) -> str:
    """The first of them, and how many more there are."""
    known: Sequence[str] = list(names)
    more = f" and {len(known) - _MOST_NAMED:,} more" if len(known) > _MOST_NAMED else ""
    return f"{', '.join(known[:_MOST_NAMED])}{more}"
