"""Addresses of the pages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from school.pages import entries, lists, surveys

urlpatterns = [
    path("", lists.home, name="home"),
    path("login/", LoginView.as_view(template_name="school/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("institutions/", lists.Institutions.as_view(), name="institutions"),
    path("users/", lists.Users.as_view(), name="users"),
    path("surveys/", lists.Surveys.as_view(), name="surveys"),
    path("surveys/new/", surveys.SurveyNew.as_view(), name="survey-new"),
    path("surveys/<int:pk>/", surveys.SurveyPage.as_view(), name="survey"),
    path("surveys/<int:pk>/edit/", surveys.SurveyEdit.as_view(), name="survey-edit"),
    path("surveys/<int:pk>/remove/", surveys.SurveyRemove.as_view(), name="survey-remove"),
    path("attachments/<int:key>/", surveys.attachment, name="attachment"),
    path("grades/", lists.Grades.as_view(), name="grades"),
    path("grades/new/", entries.GradeNew.as_view(), name="grade-new"),
    path("grades/<int:pk>/edit/", entries.GradeEdit.as_view(), name="grade-edit"),
    path("links/", lists.Links.as_view(), name="links"),
    path("links/new/", entries.LinkNew.as_view(), name="link-new"),
    path("s/<slug:token>", surveys.share, name="share"),
]
