"""How Flask reads a request, and whom the check of examples/flask takes for the caller."""

from typing import Any

from flask import Flask, g, request

from auth import init_auth
from routes import METHODS, NESTED, PREFIXED, one_or_all

app = Flask(__name__)
init_auth(app)


def view(**parameters: str) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "route": request.endpoint,
        "parameters": parameters,
        "query": {name: one_or_all(values) for name, values in request.args.lists()},
        "headers": {name.lower(): one_or_all(request.headers.getlist(name)) for name in request.headers.keys()},
        "caller": g.auth and g.auth.to_dict(),
    }


def add(path: str, name: str) -> None:
    app.add_url_rule(path, name, view, methods=METHODS, provide_automatic_options=False)


for name in PREFIXED:
    for path in (f"/{name}", f"/{name}/", f"/{name}/<path:rest>"):
        add(path, name)
for name, path in NESTED.items():
    add(path.replace("{", "<").replace("}", ">"), name)
for path in ("/", "/<path:rest>"):
    add(path, "rest")
