"""An API behind Portcullis. The gate's policy says which token each route requires."""

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from permissions import IsInOrganization


class Protected(APIView):
    def get(self, request: Request) -> Response:
        return Response({"auth": request.user.auth.to_dict()})


class Product(APIView):
    def get(self, request: Request, product: str) -> Response:
        return Response({"product": product, "auth": request.user.auth.to_dict()})


class Members(APIView):
    permission_classes = [IsInOrganization]

    def post(self, request: Request, org: str) -> Response:
        return Response({"organization": org, "auth": request.user.auth.to_dict()})


class Data(APIView):
    permission_classes = [IsInOrganization]

    def get(self, request: Request, org: str, name: str) -> Response:
        return Response({"organization": org, "data": name, "auth": request.user.auth.to_dict()})


class Catalog(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response({"auth": request.user and request.user.auth.to_dict()})


class Health(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})
