"""Numbers as they are written in Azerbaijani."""

from django import template

register = template.Library()


@register.filter
def grouped(number: int) -> str:
    """12345 as 12 345, with a space that does not break."""
    return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")
