"""An API behind Portcullis. The gate's policy says which token each route requires."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from auth import AuthRequest, OptionalAuthRequest, auth_optional


@require_GET
def protected(request: AuthRequest) -> HttpResponse:
    return JsonResponse({"auth": request.auth.to_dict()})


@require_GET
def show_product(request: AuthRequest, product: str) -> HttpResponse:
    return JsonResponse({"product": product, "auth": request.auth.to_dict()})


@require_POST
def invite_member(request: AuthRequest, org: str) -> HttpResponse:
    return JsonResponse({"organization": org, "auth": request.auth.to_dict()})


@require_GET
def show_data(request: AuthRequest, org: str, name: str) -> HttpResponse:
    return JsonResponse({"organization": org, "data": name, "auth": request.auth.to_dict()})


@auth_optional
@require_GET
def catalog(request: OptionalAuthRequest) -> HttpResponse:
    return JsonResponse({"auth": request.auth and request.auth.to_dict()})


@auth_optional
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})
