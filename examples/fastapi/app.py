"""An API behind Portcullis. The gate's policy says which token each route requires."""

from typing import Any

from fastapi import FastAPI

from auth import Auth, OptionalAuth

app = FastAPI(
    openapi_url=None,  # otherwise everyone who reaches the service can read its documentation
    redirect_slashes=False,  # its redirects name the service's own host, which leads around the gate
)


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
