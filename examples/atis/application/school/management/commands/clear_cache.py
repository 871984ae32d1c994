"""manage.py clear_cache."""

from typing import Any

from django.core.cache import cache
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Empties the cache.

    What is in it is of the database that ATİS runs on. On another one, a cached session is of a row that is not there.
    """

    help = "Keşi boşalt: başqa bazaya keçəndə lazımdır"
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Empty it."""
        cache.clear()
