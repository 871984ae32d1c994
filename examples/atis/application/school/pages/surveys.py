"""One survey: shown, made, changed, removed; its files; its shared address."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin, UserPassesTestMixin
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.generic import CreateView, DeleteView, DetailView, UpdateView

from school.forms import SurveyForm
from school.models import Attachment, LinkShare, LinkVisit, Survey, User


class Writers(LoginRequiredMixin, UserPassesTestMixin):
    """For whoever may change surveys."""

    def test_func(self) -> bool:
        """Whether it is one."""
        return self.request.user.role != User.Role.TEACHER


class SurveyPage(LoginRequiredMixin, DetailView):
    """A survey with its questions, files and the newest answers."""

    model = Survey
    template_name = "school/survey.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the page shows."""
        answers = self.object.answers.select_related("institution").order_by("-submitted_at")
        return super().get_context_data(
            answers=answers[:10],
            answered=answers.count(),
            files=self.object.attachments.defer("content"),
            writer=self.request.user.role != User.Role.TEACHER,
            **kwargs,
        )


class SurveyNew(Writers, CreateView):
    """A new survey."""

    form_class = SurveyForm
    template_name = "school/form.html"
    extra_context = {"title": "Yeni sorğu"}

    def form_valid(self, form: SurveyForm) -> HttpResponse:
        """It is the user's."""
        form.instance.author = self.request.user
        return super().form_valid(form)

    def get_success_url(self) -> str:
        """To the survey."""
        return reverse("survey", args=[self.object.pk])


class SurveyEdit(Writers, UpdateView):
    """An old one."""

    model = Survey
    form_class = SurveyForm
    template_name = "school/form.html"
    extra_context = {"title": "Sorğuya düzəliş"}

    def get_success_url(self) -> str:
        """To the survey."""
        return reverse("survey", args=[self.object.pk])


class SurveyRemove(Writers, DeleteView):
    """One less."""

    model = Survey
    template_name = "school/remove.html"

    def get_success_url(self) -> str:
        """To the others."""
        return reverse("surveys")


@login_required
def attachment(request: HttpRequest, key: int) -> HttpResponse:
    """A file beside a survey."""
    found = get_object_or_404(Attachment, pk=key)
    headers = {"Content-Disposition": content_disposition_header(True, found.name)}
    return HttpResponse(bytes(found.content), content_type=found.mime, headers=headers)


def share(request: HttpRequest, token: str) -> HttpResponse:
    """/s/<token>: a survey for everyone, and the visit counted."""
    link = get_object_or_404(LinkShare.objects.select_related("survey"), token=token, is_active=True)
    if link.expires_at is not None and link.expires_at < timezone.now():
        return render(request, "school/expired.html", status=410)
    with transaction.atomic():
        LinkShare.objects.filter(pk=link.pk).update(visits=F("visits") + 1)
        LinkVisit.objects.create(
            link=link,
            address=request.META.get("REMOTE_ADDR") or None,
            agent=request.headers.get("User-Agent", "")[:200],
        )
    link.refresh_from_db(fields=["visits"])
    return render(request, "school/share.html", {"link": link, "survey": link.survey})
