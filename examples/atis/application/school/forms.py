"""What may be written, for the pages and for the API alike."""

from typing import Any

from django import forms

from school.models import Grade, LinkShare, Survey


class DateInput(forms.DateInput):
    """The browser's own calendar, which speaks ISO 8601."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class SurveyForm(forms.ModelForm):
    """A survey."""

    class Meta:
        """Its fields."""

        model = Survey
        fields = ("title", "description", "status", "questions", "is_anonymous", "budget", "deadline", "time_limit")
        widgets = {
            "deadline": DateInput(),
            "description": forms.Textarea(attrs={"rows": 3}),
            "questions": forms.Textarea(attrs={"rows": 5}),
        }

    def clean_deadline(self) -> Any:
        """An active survey has a deadline."""
        deadline = self.cleaned_data.get("deadline")
        if deadline is None and self.cleaned_data.get("status") == Survey.Status.ACTIVE:
            raise forms.ValidationError("Aktiv sorğunun son tarixi olmalıdır.")
        return deadline

    def clean_questions(self) -> Any:
        """A list of texts."""
        questions = self.cleaned_data.get("questions") or []
        if not isinstance(questions, list) or not all(isinstance(each, dict) and "text" in each for each in questions):
            raise forms.ValidationError('Gözlənilir: [{"text": "..."}]')
        return questions


class GradeForm(forms.ModelForm):
    """A grade."""

    class Meta:
        """Its fields."""

        model = Grade
        fields = ("student", "subject", "score", "kind", "is_final", "graded_on", "lesson_starts", "comment")
        widgets = {
            # A list of all students would be as long as the page is wide.
            "student": forms.NumberInput(),
            "graded_on": DateInput(),
            "lesson_starts": forms.TimeInput(attrs={"type": "time"}),
            "comment": forms.Textarea(attrs={"rows": 2}),
        }
        labels = {"student": "Şagirdin nömrəsi"}


class LinkForm(forms.ModelForm):
    """A link share."""

    class Meta:
        """Its fields."""

        model = LinkShare
        fields = ("title", "survey")
