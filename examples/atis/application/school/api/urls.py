"""Addresses of the API."""

from django.urls import path

from school.api import records, session

urlpatterns = [
    path("health", session.health),
    path("login", session.sign_in),
    path("logout", session.sign_out),
    path("me", session.me),
    path("institutions", records.institutions),
    path("surveys", records.surveys),
    path("surveys/<int:key>", records.survey),
    path("grades", records.grades),
    path("grades/<int:key>", records.grade),
]
