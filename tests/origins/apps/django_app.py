"""How Django reads a request, and whom the check of examples/django takes for the caller."""

import secrets
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from routes import NESTED, PREFIXED, one_or_all

settings.configure(
    SECRET_KEY=secrets.token_urlsafe(),
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["auth.GateMiddleware"],
    USE_TZ=True,
)


def view(request: HttpRequest, **parameters: str) -> HttpResponse:
    return JsonResponse({
        "method": request.method,
        "path": request.path,
        "route": request.resolver_match.url_name,
        "parameters": parameters,
        "query": {name: one_or_all(values) for name, values in request.GET.lists()},
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "caller": request.auth and request.auth.to_dict(),
    })


view.auth_optional = True

urlpatterns = [
    *(path(f"{name}{rest}", view, name=name) for name in PREFIXED for rest in ("", "/", "/<path:rest>")),
    *(path(nested[1:].replace("{", "<").replace("}", ">"), view, name=name) for name, nested in NESTED.items()),
    *(path(rest, view, name="rest") for rest in ("", "<path:rest>")),
]

if __name__ == "__main__":
    execute_from_command_line(["django_app.py", "runserver", "--noreload", f"{sys.argv[1]}:{sys.argv[2]}"])
