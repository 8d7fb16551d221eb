"""The check of access tokens that the frameworks' guides describe, with PyJWT as they advise.

The first line of the input is the services, each further line a request; the output has one status for each request.
A request names the rules in which Portcullis takes more than the guides do (`wider`); without any, it is the guides'.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jwt

ORGANIZATION = "urn:logto:organization:"
LEEWAY = 300
WIDER = {"scheme", "kid", "scopes", "leeway"}


class Unauthorized(Exception):
    """401"""


class Forbidden(Exception):
    """403"""


@dataclass
class Service:
    """One API: its issuer, and what it wants of tokens."""

    issuer: str
    jwks_uri: str
    algorithm: str
    model: str
    audience: str
    scopes: list[str]

    def __post_init__(self) -> None:
        self.keys = jwt.PyJWKClient(self.jwks_uri)

    def status(self, authorization: str | None, org: str, wider: set[str]) -> int:
        try:
            token = bearer(authorization, "scheme" in wider)
            claims = self.verified(token, wider)
            self.permit(claims, org, "scopes" in wider)
        except Forbidden:
            return 403
        except (Unauthorized, jwt.PyJWTError):
            return 401
        return 200

    def verified(self, token: str, wider: set[str]) -> dict[str, Any]:
        return jwt.decode(
            token,
            self.key(token, "kid" in wider),
            algorithms=[self.algorithm],
            issuer=self.issuer,
            leeway=LEEWAY if "leeway" in wider else 0,
            options={"verify_aud": False},
        )

    def key(self, token: str, wide: bool) -> jwt.PyJWK:
        if wide and "kid" not in jwt.get_unverified_header(token):
            fitting = [key for key in self.keys.get_signing_keys() if key.algorithm_name == self.algorithm]
            if len(fitting) == 1:
                return fitting[0]
        return self.keys.get_signing_key_from_jwt(token)

    def permit(self, claims: dict[str, Any], org: str, wide: bool) -> None:
        audience = ORGANIZATION + org if self.model == "organization" else self.audience
        if audience not in members(claims.get("aud")):
            raise Forbidden
        if self.model == "organization api" and claims.get("organization_id") != org:
            raise Forbidden
        granted = scopes_of(claims, wide)
        if not all(scope in granted for scope in self.scopes):
            raise Forbidden


def bearer(authorization: str | None, wide: bool) -> str:
    if authorization is None:
        raise Unauthorized
    scheme, _, token = authorization.partition(" ")
    if wide:
        scheme, token = scheme.capitalize(), token.lstrip(" ")
    if scheme != "Bearer":
        raise Unauthorized
    return token


def members(audience: Any) -> Iterable[Any]:
    return audience if isinstance(audience, list) else [audience]


def scopes_of(claims: dict[str, Any], wide: bool) -> list[Any]:
    scope = claims.get("scope")
    if wide and scope is None:
        scope = claims.get("scp")
    if isinstance(scope, str):
        return scope.split(" ")
    if scope is None or (wide and isinstance(scope, list)):
        return scope or []
    raise Unauthorized


def main() -> None:
    services = {name: Service(**settings) for name, settings in json.loads(sys.stdin.readline()).items()}
    for line in sys.stdin:
        request = json.loads(line)
        wider = set(request["wider"])
        if not wider <= WIDER:
            raise ValueError(f"unknown rules: {wider - WIDER}")
        print(services[request["service"]].status(request["authorization"], request["org"], wider), flush=True)


main()
