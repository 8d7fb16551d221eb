"""An API behind Portcullis: which token opens which route stands in the gate's policy, not here."""

from typing import Any

from fastapi import FastAPI

from auth import Auth, OptionalAuth

app = FastAPI(openapi_url=None)  # or else its documentation is open to all who reach the service


@app.get("/api/protected")
def protected(auth: Auth) -> dict[str, Any]:
    return {"auth": auth.to_dict()}


@app.get("/api/products/{product}")
def show_product(product: str, auth: Auth) -> dict[str, Any]:
    return {"product": product, "auth": auth.to_dict()}


@app.post("/orgs/{org}/members")
def invite_member(org: str, auth: Auth) -> dict[str, Any]:
    return {"organization": org, "auth": auth.to_dict()}


@app.get("/orgs/{org}/data/{name:path}")
def show_data(org: str, name: str, auth: Auth) -> dict[str, Any]:
    return {"organization": org, "data": name, "auth": auth.to_dict()}


@app.get("/catalog")
def catalog(auth: OptionalAuth) -> dict[str, Any]:
    return {"auth": auth and auth.to_dict()}


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}
