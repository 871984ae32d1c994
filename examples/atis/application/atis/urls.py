"""All addresses of ATİS."""

from django.conf import settings
from django.urls import include, path
from django.views.static import serve

from school.pages.frontend import frontend

urlpatterns = [
    path("api/", include("school.api.urls")),
    path("", include("school.pages.urls")),
]
if settings.SERVE_FILES:
    urlpatterns += [
        path("static/<path:path>", serve, {"document_root": settings.STATIC_ROOT}),
        path("app/", frontend),
        path("app/<path:path>", frontend),
    ]
