"""manage.py maintenance on|off|status."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from school.maintenance import closed


class Command(BaseCommand):
    """Closes and opens the application, at once and without the database."""

    help = "Bağla və aç: on, off, status"
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One word."""
        parser.add_argument("state", choices=("on", "off", "status"))

    def handle(self, *args: Any, state: str, **options: Any) -> None:
        """Make or remove the file."""
        flag = settings.MAINTENANCE_FLAG
        if state == "on":
            flag.parent.mkdir(parents=True, exist_ok=True)
            flag.touch()
        elif state == "off":
            flag.unlink(missing_ok=True)
        self.stdout.write("maintenance: " + ("on" if closed() else "off"))
