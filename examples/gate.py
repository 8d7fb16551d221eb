"""Reads the caller of a request to a Python service behind Portcullis. Copy this file; it needs only PyJWT[crypto].

The gate signs an assertion (a JWT) for every request whose token it verified. Nobody else can create a valid one: it is
verified with the gate's published keys, and its audience is this service.
"""

import logging
import os
from dataclasses import dataclass
from typing import Any, Protocol, Self
from urllib.parse import unquote

import jwt

ALGORITHM = "ES256"  # the policy's `identity.assertion.algorithm`
LEEWAY = 30  # seconds by which the gate's clock may differ from ours
TIMEOUT = 5  # seconds for fetching the gate's keys

logger = logging.getLogger(__name__)


class Refused(Exception):
    """The request did not come through the gate."""


class Headers(Protocol):
    """The request headers of any framework, whose names compare case-insensitively."""

    def get(self, key: str, /) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """What the access token says about its caller.

    `sub` is unique only within `issuer`: another issuer may assign the same value to someone else. Both are None for a
    token without a subject, as some clients have: then there is no user.
    """

    issuer: str | None
    sub: str | None
    client_id: str | None
    organization_id: str | None
    scopes: list[str]
    audience: list[str]

    @property
    def user(self) -> tuple[str, str] | None:
        """Identifies the user: store data under this pair, and compare it."""
        return None if self.issuer is None or self.sub is None else (self.issuer, self.sub)

    def to_dict(self) -> dict[str, Any]:
        """The form in which the API returns it."""
        return {
            "issuer": self.issuer,
            "sub": self.sub,
            "clientId": self.client_id,
            "organizationId": self.organization_id,
            "scopes": self.scopes,
            "audience": self.audience,
        }


class Gate:
    """The gate in front of this service. `issuer` is its URL, `audience` this service as the gate's policy names it."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        # Caches the keys for five minutes. An unknown `kid` triggers another fetch, at most every 30 seconds.
        self._keys = jwt.PyJWKClient(f"{issuer}/.well-known/portcullis/jwks.json", timeout=TIMEOUT)

    @classmethod
    def from_environment(cls) -> Self:
        """GATE_ISSUER and GATE_AUDIENCE; without them the service must not start."""
        return cls(os.environ["GATE_ISSUER"], os.environ["GATE_AUDIENCE"])

    def caller(self, headers: Headers) -> Caller | None:
        """The caller; None for a request without a token, which the gate forwards only on routes that require none.

        Raises Refused if the assertion is not valid. If the gate's keys cannot be fetched, PyJWKClientConnectionError
        is raised, which frameworks answer with 500.
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
            # The token's audience, which is not in the assertion: the assertion's own audience is this service.
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
            # Only its name: the message may quote what the caller sent.
            logger.warning("refused an assertion: %s", type(error).__name__)
            raise Refused from error


def subject(claims: dict[str, Any]) -> tuple[str | None, str | None]:
    """The issuer and the subject of the token (RFC 9493). The assertion's own `iss` is the gate."""
    match claims.get("sub_id"):
        case None:
            return None, None
        case {"format": "iss_sub", "iss": str(issuer), "sub": str(sub)}:
            return issuer, sub
        case _:
            logger.warning("refused an assertion: another sub_id than the gate's")
            raise Refused


def decoded(value: str | None) -> list[str]:
    """The elements of a list header; characters that a header cannot carry arrive percent-encoded."""
    return [unquote(element) for element in value.split(",")] if value else []
