"""The caller of a Flask request, in `g.auth`."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Flask, g, request
from flask.typing import ResponseReturnValue

from gate import Gate, Refused

P = ParamSpec("P")

REFUSAL = {"error": "No caller that the gate vouches for"}, 403


def init_auth(app: Flask) -> None:
    """Sets `g.auth` before each request, to None for an anonymous one."""
    gate = Gate.from_environment()

    @app.before_request
    def identify() -> ResponseReturnValue | None:
        try:
            g.auth = gate.caller(request.headers)
        except Refused:
            return REFUSAL
        return None


def requires_auth(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Refuses requests for which the gate verified no token."""

    @wraps(view)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        return REFUSAL if g.auth is None else view(*args, **kwargs)

    return wrapper
