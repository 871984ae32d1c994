"""Link shares: short addresses that anyone may open, each visit counted."""

import secrets

from django.db import models

from school.models.people import User
from school.models.surveys import Survey


def new_token() -> str:
    """A token for an address: short, and not to be guessed."""
    return secrets.token_urlsafe(9)


class LinkShare(models.Model):
    """``/s/<token>``."""

    token = models.SlugField(max_length=24, unique=True, default=new_token, editable=False)
    title = models.CharField("başlıq", max_length=200)
    survey = models.ForeignKey(Survey, models.CASCADE, verbose_name="sorğu", related_name="links")
    visits = models.PositiveBigIntegerField("baxış", default=0)
    is_active = models.BooleanField("aktivdir", default=True)
    expires_at = models.DateTimeField("bitir", null=True, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="links")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The newest first."""

        ordering = ("-id",)

    def __str__(self) -> str:
        return self.title


class LinkVisit(models.Model):
    """One visit of a link share."""

    link = models.ForeignKey(LinkShare, models.CASCADE, related_name="log")
    at = models.DateTimeField(auto_now_add=True)
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=200, blank=True)
