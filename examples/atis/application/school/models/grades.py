"""Subjects and grades."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from school.models.people import Student, User


class Subject(models.Model):
    """What is taught."""

    name = models.CharField("fənn", max_length=60, unique=True)
    is_core = models.BooleanField(default=True)

    class Meta:
        """In the order of their names."""

        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Grade(models.Model):
    """A mark of a student in a subject, of a hundred points; without one where the student was away."""

    class Kind(models.TextChoices):
        """What it was given for."""

        CURRENT = "cari", "Cari"
        SUMMATIVE = "summativ", "Summativ"
        FINAL = "yekun", "Yekun"

    student = models.ForeignKey(Student, models.CASCADE, verbose_name="şagird", related_name="grades")
    subject = models.ForeignKey(Subject, models.PROTECT, verbose_name="fənn", related_name="grades")
    teacher = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="grades")
    score = models.DecimalField(
        "bal",
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=(MinValueValidator(0), MaxValueValidator(100)),
    )
    kind = models.CharField("növ", max_length=10, choices=Kind.choices, default=Kind.CURRENT)
    is_final = models.BooleanField(default=False)
    graded_on = models.DateField("tarix")
    lesson_starts = models.TimeField("dərsin başlanğıcı", null=True, blank=True)
    comment = models.TextField("qeyd", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The newest first."""

        ordering = ("-graded_on", "-id")
        indexes = (
            models.Index(fields=("student", "subject", "graded_on"), name="grade_student_subject"),
            models.Index(fields=("-graded_on", "-id"), name="grade_newest"),
        )
        constraints = (
            models.CheckConstraint(condition=models.Q(score__gte=0) & models.Q(score__lte=100), name="grade_score"),
        )

    def __str__(self) -> str:
        return f"{self.student}, {self.subject}: {self.score}"
