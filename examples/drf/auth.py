"""The caller of a Django REST Framework request, in `request.user.auth`."""

from dataclasses import dataclass

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from gate import Caller, Gate, Refused

gate = Gate.from_environment()


@dataclass(frozen=True)
class GateUser:
    """A user in the form that Django expects, for a caller in a valid assertion."""

    auth: Caller
    is_authenticated: bool = True
    is_anonymous: bool = False
    is_active: bool = True


class GateAuthentication(BaseAuthentication):
    """Takes the caller from the gate. It has no `authenticate_header`, so refusals are 403: no token would help here."""

    def authenticate(self, request: Request) -> tuple[GateUser, Caller] | None:
        try:
            caller = gate.caller(request.headers)
        except Refused as reason:
            raise AuthenticationFailed("No caller that the gate vouches for") from reason
        return None if caller is None else (GateUser(caller), caller)
