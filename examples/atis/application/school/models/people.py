"""Users, their tokens for the API, and students."""

import hashlib
import secrets
import uuid
from datetime import timedelta

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from school.models.institutions import Institution

TOKEN_HOURS = 12


class User(AbstractUser):
    """Someone who logs in."""

    class Role(models.TextChoices):
        """What they may do: see grades and surveys, or change them."""

        ADMIN = "admin", "İnzibatçı"
        DIRECTOR = "direktor", "Direktor"
        TEACHER = "müəllim", "Müəllim"

    father_name = models.CharField("ata adı", max_length=60, blank=True)
    role = models.CharField("vəzifə", max_length=16, choices=Role.choices, default=Role.TEACHER)
    phone = models.CharField("telefon", max_length=24, blank=True)
    institution = models.ForeignKey(
        Institution, models.SET_NULL, null=True, blank=True, verbose_name="müəssisə", related_name="users"
    )
    settings = models.JSONField(default=dict, blank=True)

    @property
    def full_name(self) -> str:
        """Surname, name and father's name, as a class register has them."""
        return " ".join(filter(None, (self.last_name, self.first_name, self.father_name))) or self.username


class ApiToken(models.Model):
    """A key to the API. Only its digest is kept."""

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    @classmethod
    def make(cls, user: User) -> str:
        """A new token for ``user``: the only time that it can be read."""
        token = secrets.token_urlsafe(32)
        cls.objects.create(digest=digest_of(token), user=user, expires_at=timezone.now() + timedelta(hours=TOKEN_HOURS))
        return token

    @classmethod
    def owner(cls, token: str) -> User | None:
        """Whose token it is; None where it is nobody's, or too old."""
        found = (
            cls.objects.select_related("user")
            .filter(digest=digest_of(token), expires_at__gt=timezone.now(), user__is_active=True)
            .first()
        )
        return found.user if found else None


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Student(models.Model):
    """A pupil."""

    class Gender(models.TextChoices):
        """As the register has it."""

        MALE = "kişi", "Oğlan"
        FEMALE = "qadın", "Qız"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    first_name = models.CharField("ad", max_length=60)
    last_name = models.CharField("soyad", max_length=60)
    father_name = models.CharField("ata adı", max_length=60, blank=True)
    gender = models.CharField("cins", max_length=8, choices=Gender.choices)
    birth_date = models.DateField("doğum tarixi")
    institution = models.ForeignKey(Institution, models.CASCADE, related_name="students")
    class_name = models.CharField("sinif", max_length=4)
    is_active = models.BooleanField(default=True)

    class Meta:
        """As in a class register."""

        ordering = ("last_name", "first_name")

    def __str__(self) -> str:
        return f"{self.last_name} {self.first_name}"
