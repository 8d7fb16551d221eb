"""How FastAPI reads a request, and whom the check of examples/fastapi takes for the caller."""

from typing import Any

from fastapi import FastAPI, Request

from auth import OptionalAuth
from routes import METHODS, NESTED, PREFIXED, one_or_all

app = FastAPI(openapi_url=None)


def view(request: Request, auth: OptionalAuth) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.scope["path"],
        "route": request.scope["route"].name,
        "parameters": request.path_params,
        "query": {name: one_or_all(request.query_params.getlist(name)) for name in request.query_params},
        "headers": {name: one_or_all(request.headers.getlist(name)) for name in request.headers},
        "caller": auth and auth.to_dict(),
    }


def add(path: str, name: str) -> None:
    app.add_api_route(path, view, name=name, methods=list(METHODS))


for name in PREFIXED:
    for path in (f"/{name}", f"/{name}/{{rest:path}}"):
        add(path, name)
for name, path in NESTED.items():
    add(path, name)
add("/{rest:path}", "rest")
