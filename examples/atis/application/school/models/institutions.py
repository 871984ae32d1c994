"""Regions and institutions."""

import uuid

from django.db import models


class Region(models.Model):
    """A town or district."""

    name = models.CharField("ad", max_length=80, unique=True)
    code = models.CharField("kod", max_length=8, unique=True)
    area_km2 = models.DecimalField("sahə, km²", max_digits=8, decimal_places=2, null=True)

    class Meta:
        """In the order of their names."""

        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Institution(models.Model):
    """A school, a kindergarten, or the office above them."""

    class Kind(models.TextChoices):
        """What it is."""

        SCHOOL = "məktəb", "Məktəb"
        KINDERGARTEN = "bağça", "Uşaq bağçası"
        OFFICE = "idarə", "Təhsil idarəsi"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField("ad", max_length=200)
    kind = models.CharField("növ", max_length=16, choices=Kind.choices, default=Kind.SCHOOL)
    code = models.CharField("kod", max_length=16, unique=True)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name="rayon", related_name="institutions")
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="children")
    contact = models.JSONField("əlaqə", default=dict, blank=True)
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    student_count = models.PositiveIntegerField("şagird sayı", default=0)
    established_on = models.DateField("təsis tarixi", null=True)
    is_active = models.BooleanField("fəaldır", default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """In the order of their codes; the list is asked for the active ones of a region."""

        ordering = ("code",)
        indexes = (models.Index(fields=("region", "is_active"), name="institution_region"),)

    def __str__(self) -> str:
        return self.name
