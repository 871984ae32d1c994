"""Surveys that the ministry sends out, the answers, and the files beside them."""

import hashlib
import uuid
from typing import Self

from django.db import models

from school.models.institutions import Institution
from school.models.people import User


class Survey(models.Model):
    """Questions to institutions."""

    class Status(models.TextChoices):
        """Where it stands."""

        DRAFT = "qaralama", "Qaralama"
        ACTIVE = "aktiv", "Aktiv"
        CLOSED = "bağlı", "Bağlı"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField("başlıq", max_length=200)
    description = models.TextField("təsvir", blank=True)
    status = models.CharField("status", max_length=10, choices=Status.choices, default=Status.DRAFT)
    questions = models.JSONField("suallar", default=list, blank=True)
    is_anonymous = models.BooleanField("anonimdir", default=False)
    budget = models.DecimalField("büdcə, ₼", max_digits=12, decimal_places=2, null=True, blank=True)
    deadline = models.DateField("son tarix", null=True, blank=True)
    opened_at = models.DateTimeField("açılıb", null=True, blank=True)
    time_limit = models.DurationField("vaxt", null=True, blank=True)
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="surveys")
    institutions = models.ManyToManyField(Institution, related_name="surveys", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """The newest first."""

        ordering = ("-id",)
        indexes = (
            models.Index(fields=("deadline",), condition=models.Q(status="aktiv"), name="survey_active_deadline"),
        )

    def __str__(self) -> str:
        return self.title


class SurveyAnswer(models.Model):
    """What one institution answered."""

    survey = models.ForeignKey(Survey, models.CASCADE, related_name="answers")
    institution = models.ForeignKey(Institution, models.CASCADE, related_name="answers")
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="answers")
    answers = models.JSONField(default=dict)
    spent = models.DurationField(null=True)
    submitted_at = models.DateTimeField()

    class Meta:
        """One for each institution."""

        constraints = (models.UniqueConstraint(fields=("survey", "institution"), name="answer_once"),)


class Attachment(models.Model):
    """A file beside a survey, kept in the database."""

    survey = models.ForeignKey(Survey, models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=120)
    mime = models.CharField(max_length=100)
    content = models.BinaryField()
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)

    @classmethod
    def of(cls, survey: Survey, name: str, mime: str, content: bytes) -> Self:
        """An attachment, not saved yet."""
        digest = hashlib.sha256(content).hexdigest()
        return cls(survey=survey, name=name, mime=mime, content=content, size=len(content), sha256=digest)
