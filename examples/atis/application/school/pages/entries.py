"""Forms for a grade and a link share."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.views.generic import CreateView, UpdateView

from school.forms import GradeForm, LinkForm
from school.models import Grade


class GradeNew(LoginRequiredMixin, CreateView):
    """A new grade."""

    form_class = GradeForm
    template_name = "school/form.html"
    success_url = reverse_lazy("grades")
    extra_context = {"title": "Yeni qiymət"}

    def form_valid(self, form: GradeForm) -> HttpResponse:
        """The user gave it."""
        form.instance.teacher = self.request.user
        return super().form_valid(form)


class GradeEdit(LoginRequiredMixin, UpdateView):
    """An old one."""

    model = Grade
    form_class = GradeForm
    template_name = "school/form.html"
    success_url = reverse_lazy("grades")
    extra_context = {"title": "Qiymətə düzəliş"}


class LinkNew(LoginRequiredMixin, CreateView):
    """A new link share."""

    form_class = LinkForm
    template_name = "school/form.html"
    success_url = reverse_lazy("links")
    extra_context = {"title": "Yeni paylaşım"}

    def form_valid(self, form: LinkForm) -> HttpResponse:
        """The user shared it."""
        form.instance.created_by = self.request.user
        return super().form_valid(form)
