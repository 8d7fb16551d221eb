from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class IsInOrganization(BasePermission):
    """The caller's organization is the one in the path. The gate has checked that already; this checks it again."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user is not None and request.user.auth.organization_id == view.kwargs["org"]
