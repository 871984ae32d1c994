"""The application's one part."""

from django.apps import AppConfig


class SchoolConfig(AppConfig):
    """Django's entry for it."""

    name = "school"
    verbose_name = "ATİS"
