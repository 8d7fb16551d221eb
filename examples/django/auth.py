"""The caller of a Django request, in `request.auth`."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

from gate import Caller, Gate, Refused

View = Callable[..., HttpResponse]


class AuthRequest(HttpRequest):
    """The request of a view."""

    auth: Caller


class OptionalAuthRequest(HttpRequest):
    """The request of a view that is open to everyone."""

    auth: Caller | None


class GateMiddleware:
    """Sets `request.auth`. Views require a caller whose token the gate verified, unless marked `auth_optional`."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response
        self._gate = Gate.from_environment()

    def __call__(self, request: OptionalAuthRequest) -> HttpResponse:
        try:
            request.auth = self._gate.caller(request.headers)
        except Refused:
            return refusal()
        return self._get_response(request)

    def process_view(
        self, request: OptionalAuthRequest, view: View, args: object, kwargs: object
    ) -> HttpResponse | None:
        if request.auth is None and not getattr(view, "auth_optional", False):
            return refusal()
        return None


def auth_optional(view: View) -> View:
    """Opens a view to anonymous requests, for which `request.auth` is None."""
    view.auth_optional = True  # type: ignore[attr-defined]
    return view


def refusal() -> HttpResponse:
    return JsonResponse({"error": "No caller that the gate vouches for"}, status=403)
