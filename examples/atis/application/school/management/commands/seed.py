"""manage.py seed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from school.models import Region
from school.seed.fill import PASSWORD, Fill


class Command(BaseCommand):
    """Fills an empty database with made-up data."""

    help = "Boş bazanı uydurma məlumatla doldur"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much, and which."""
        parser.add_argument("--scale", type=float, default=1.0, help="1 is 40,000 grades [default: 1]")
        parser.add_argument("--seed", type=int, default=2025, help="the same makes the same data [default: 2025]")

    def handle(self, *args: Any, scale: float, seed: int, **options: Any) -> None:
        """Fill it, and say with how much."""
        if Region.objects.exists():
            raise CommandError("Baza boş deyil: seed yalnız boş bazanı doldurur.")
        made = Fill(scale, seed).fill()
        for table, rows in made.items():
            self.stdout.write(f"{rows:>8} {table}")
        self.stdout.write(f"admin / {PASSWORD}")
