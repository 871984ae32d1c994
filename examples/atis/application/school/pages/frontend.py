"""The built frontend and its files, where no web server stands before the application."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.views.static import serve


def frontend(request: HttpRequest, path: str = "index.html") -> HttpResponseBase:
    """A file of the build."""
    return serve(request, path, document_root=settings.FRONTEND_ROOT)
