from django.urls import path

import views

urlpatterns = [
    path("api/protected", views.protected),
    path("api/products/<product>", views.show_product),
    path("orgs/<org>/members", views.invite_member),
    path("orgs/<org>/data/<path:name>", views.show_data),
    path("catalog", views.catalog),
    path("healthz", views.healthz),
]
