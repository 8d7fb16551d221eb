"""The caller of a FastAPI request, as dependencies."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from gate import Caller, Gate, Refused

gate = Gate.from_environment()


# Not async: it sometimes fetches the gate's keys, which must not block the event loop.
def optional_auth(request: Request) -> Caller | None:
    """The caller, or None for an anonymous one."""
    try:
        return gate.caller(request.headers)
    except Refused as reason:
        raise refusal() from reason


OptionalAuth = Annotated[Caller | None, Depends(optional_auth)]


def require_auth(auth: OptionalAuth) -> Caller:
    """The caller. Refuses requests for which the gate verified no token."""
    if auth is None:
        raise refusal()
    return auth


Auth = Annotated[Caller, Depends(require_auth)]


def refusal() -> HTTPException:
    return HTTPException(403, "No caller that the gate vouches for")
