"""An API behind Portcullis. The gate's policy says which token each route requires."""

from flask import Flask, g
from flask.typing import ResponseReturnValue

from auth import init_auth, requires_auth

app = Flask(__name__)
init_auth(app)


@app.get("/api/protected")
@requires_auth
def protected() -> ResponseReturnValue:
    return {"auth": g.auth.to_dict()}


@app.get("/api/products/<product>")
@requires_auth
def show_product(product: str) -> ResponseReturnValue:
    return {"product": product, "auth": g.auth.to_dict()}


@app.post("/orgs/<org>/members")
@requires_auth
def invite_member(org: str) -> ResponseReturnValue:
    return {"organization": org, "auth": g.auth.to_dict()}


@app.get("/orgs/<org>/data/<path:name>")
@requires_auth
def show_data(org: str, name: str) -> ResponseReturnValue:
    return {"organization": org, "data": name, "auth": g.auth.to_dict()}


@app.get("/catalog")
def catalog() -> ResponseReturnValue:
    return {"auth": g.auth and g.auth.to_dict()}


@app.get("/healthz")
def healthz() -> ResponseReturnValue:
    return {"status": "ok"}
