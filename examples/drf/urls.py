from django.urls import path

import views

urlpatterns = [
    path("api/protected", views.Protected.as_view()),
    path("api/products/<product>", views.Product.as_view()),
    path("orgs/<org>/members", views.Members.as_view()),
    path("orgs/<org>/data/<path:name>", views.Data.as_view()),
    path("catalog", views.Catalog.as_view()),
    path("healthz", views.Health.as_view()),
]
