"""Lists: the front page, institutions, users, surveys, grades and link shares."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, UserPassesTestMixin
from django.core.cache import cache
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import ListView

from school.models import Grade, Institution, LinkShare, Region, Student, Survey, SurveyAnswer, User

FIGURES_SECONDS = 60


def home(request: HttpRequest) -> HttpResponse:
    """The front page: what is going on. Its figures are counted once a minute; the surveys are of now."""
    figures = cache.get_or_set("figures", _figures, FIGURES_SECONDS)
    surveys = Survey.objects.filter(status=Survey.Status.ACTIVE).annotate(answered=Count("answers")).order_by("-id")[:6]
    return render(request, "school/home.html", {"figures": figures, "surveys": surveys})


def _figures() -> list[tuple[str, int]]:
    return [
        ("müəssisə", Institution.objects.filter(is_active=True).count()),
        ("şagird", Student.objects.filter(is_active=True).count()),
        ("qiymət", Grade.objects.count()),
        ("cavab", SurveyAnswer.objects.count()),
    ]


class Listed(LoginRequiredMixin, ListView):
    """A list in pages, with a search by ``q``."""

    paginate_by = 25
    searched: tuple[str, ...] = ()

    def get_queryset(self) -> QuerySet[Any]:
        """The rows that have the words searched for."""
        rows = super().get_queryset()
        words = self.request.GET.get("q", "").strip()
        if not words:
            return rows
        wanted = Q()
        for field in self.searched:
            wanted |= Q(**{f"{field}__icontains": words})
        return rows.filter(wanted)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the page shows."""
        return super().get_context_data(q=self.request.GET.get("q", ""), searchable=bool(self.searched), **kwargs)


class Institutions(Listed):
    """Institutions, of one region if asked."""

    queryset = Institution.objects.select_related("region")
    template_name = "school/institutions.html"
    searched = ("name", "code")

    def get_queryset(self) -> QuerySet[Institution]:
        """Those of the region."""
        rows = super().get_queryset()
        region = self.request.GET.get("region", "")
        return rows.filter(region_id=region) if region.isdecimal() else rows

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The regions too."""
        chosen = self.request.GET.get("region", "")
        return super().get_context_data(regions=Region.objects.all(), region=chosen, **kwargs)


class Users(UserPassesTestMixin, Listed):
    """Users; for administrators."""

    queryset = User.objects.select_related("institution").order_by("last_name", "first_name", "pk")
    template_name = "school/users.html"
    searched = ("last_name", "first_name", "username")

    def test_func(self) -> bool:
        """Whether it is one."""
        return self.request.user.is_authenticated and self.request.user.role == User.Role.ADMIN


class Surveys(Listed):
    """Surveys."""

    queryset = Survey.objects.annotate(answered=Count("answers")).order_by("-id")
    template_name = "school/surveys.html"
    searched = ("title",)


class Grades(Listed):
    """Grades, the newest first."""

    queryset = Grade.objects.select_related("student", "subject", "teacher")
    template_name = "school/grades.html"
    searched = ("student__last_name",)


class Links(Listed):
    """Link shares."""

    queryset = LinkShare.objects.select_related("survey")
    template_name = "school/links.html"
    searched = ("title",)
