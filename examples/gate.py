"""Who calls, as Portcullis says, for a Python service behind it. Copy this file; it needs PyJWT[crypto] alone.

The gate signs an assertion (a JWT) for every request whose token it verified. Nobody else can make one that holds
here: its key is in the gate's published set, and its audience is this service.
"""

import logging
import os
from dataclasses import dataclass
from typing import Any, Protocol, Self
from urllib.parse import unquote

import jwt

ALGORITHM = "ES256"  # as `identity.assertion.algorithm` of the policy
LEEWAY = 30  # seconds that the gate's clock and ours may differ
TIMEOUT = 5  # seconds for a fetch of the gate's keys

logger = logging.getLogger(__name__)


class Refused(Exception):
    """The request did not come through the gate."""


class Headers(Protocol):
    """The request headers of any framework, whose names compare case-insensitively."""

    def get(self, key: str, /) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the access token was issued to, by whom, and what for.

    `sub` is one user within `issuer` only: another issuer may give the same to someone else. Both are None for a token
    without a subject, as some clients have: then there is no user.
    """

    issuer: str | None
    sub: str | None
    client_id: str | None
    organization_id: str | None
    scopes: list[str]
    audience: list[str]

    @property
    def user(self) -> tuple[str, str] | None:
        """Who the user is: what to keep data by, and to compare."""
        return None if self.issuer is None or self.sub is None else (self.issuer, self.sub)

    def to_dict(self) -> dict[str, Any]:
        """As the API answers it."""
        return {
            "issuer": self.issuer,
            "sub": self.sub,
            "clientId": self.client_id,
            "organizationId": self.organization_id,
            "scopes": self.scopes,
            "audience": self.audience,
        }


class Gate:
    """The gate before this service: `issuer` is its URL, `audience` the service as the gate's policy names it."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        # Keeps the keys for five minutes. An unknown `kid` fetches them anew, at most every half minute.
        self._keys = jwt.PyJWKClient(f"{issuer}/.well-known/portcullis/jwks.json", timeout=TIMEOUT)

    @classmethod
    def from_environment(cls) -> Self:
        """GATE_ISSUER and GATE_AUDIENCE; without them the service must not start."""
        return cls(os.environ["GATE_ISSUER"], os.environ["GATE_AUDIENCE"])

    def caller(self, headers: Headers) -> Caller | None:
        """The caller; None where no token came along, which only routes that ask for none let happen.

        Raises Refused for an assertion that is not the gate's. That its keys cannot be had is an error of ours
        (PyJWKClientConnectionError), which frameworks answer with 500.
        """
        assertion = headers.get("x-auth-assertion")
        if assertion is None:
            return None
        claims = self._verified(assertion)
        issuer, sub = subject(claims)
        return Caller(
            issuer=issuer,
            sub=sub,
            client_id=claims.get("client_id"),
            organization_id=claims.get("organization_id"),
            scopes=[scope for scope in claims.get("scope", "").split(" ") if scope],
            # The token's audience, which the assertion does not repeat: its own is this service.
            audience=decoded(headers.get("x-auth-audience")),
        )

    def _verified(self, assertion: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                assertion,
                self._keys.get_signing_key_from_jwt(assertion),
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["iss", "aud", "iat", "exp"]},
            )
        except jwt.PyJWKClientConnectionError:
            raise
        except jwt.PyJWTError as error:
            # Its name alone: the message may quote what the caller sent.
            logger.warning("refused an assertion: %s", type(error).__name__)
            raise Refused from error


def subject(claims: dict[str, Any]) -> tuple[str | None, str | None]:
    """The issuer and the subject of the token (RFC 9493): `iss` of the assertion is the gate, and `sub` says half of it."""
    match claims.get("sub_id"):
        case None:
            return None, None
        case {"format": "iss_sub", "iss": str(issuer), "sub": str(sub)}:
            return issuer, sub
        case _:
            logger.warning("refused an assertion: another sub_id than the gate's")
            raise Refused


def decoded(value: str | None) -> list[str]:
    """The elements of a list header; what a header cannot carry arrives percent-encoded."""
    return [unquote(element) for element in value.split(",")] if value else []
