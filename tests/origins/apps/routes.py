"""The routes of the Python apps, as the policy names them."""

from collections.abc import Sequence

PREFIXED = ("query", "query-id", "header", "open", "maybe", "docs", "admin")
NESTED = {"items": "/orgs/{org}/items/{item}"}
METHODS = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"),
    *("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "PURGE", "SEARCH", "QUERY", "REPORT"),
)


def one_or_all(values: Sequence[str]) -> str | list[str]:
    """What was given once as it is, what was given twice as a list."""
    return values[0] if len(values) == 1 else list(values)
