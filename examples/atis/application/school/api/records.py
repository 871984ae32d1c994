"""Surveys, grades and institutions: read, made, changed, removed."""

import json
from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.duration import duration_string

from school.api.access import Refused, api, body_of, page_of
from school.forms import GradeForm, SurveyForm
from school.models import Grade, Institution, Survey, User


def _records(model: type[Model], form: type[ModelForm], owner: str, may: Callable[[User], bool]) -> tuple[Any, Any]:
    fields = ("id", *form.Meta.fields)

    def shown(record: Model) -> dict[str, Any]:
        return {name: _plain(record, name) for name in fields}

    def saved(request: HttpRequest, record: Model) -> Model:
        if not may(request.user):
            raise Refused(403, "Buna icazəniz yoxdur.")
        # What is not sent stays as it is.
        given = {name: value for name, value in {**shown(record), **body_of(request)}.items() if name != "id"}
        for name, value in given.items():
            if isinstance(value, list | dict):
                given[name] = json.dumps(value, ensure_ascii=False)
        filled = form(given, instance=record)
        if not filled.is_valid():
            raise Refused(422, "Məlumat düzgün deyil.", fields=filled.errors.get_json_data())
        return filled.save()

    @api("GET", "POST")
    def many(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            return JsonResponse(shown(saved(request, model(**{owner: request.user}))), status=201)
        rows: QuerySet[Any] = model.objects.all()
        part, limit, offset = page_of(request, rows)
        content = {"count": rows.count(), "limit": limit, "offset": offset, "results": [shown(each) for each in part]}
        return JsonResponse(content)

    @api("GET", "PUT", "PATCH", "DELETE")
    def one(request: HttpRequest, key: int) -> HttpResponse:
        record = model.objects.filter(pk=key).first()
        if record is None:
            raise Refused(404, "Tapılmadı.")
        if request.method == "DELETE":
            if not may(request.user):
                raise Refused(403, "Buna icazəniz yoxdur.")
            record.delete()
            return HttpResponse(status=204)
        return JsonResponse(shown(record if request.method == "GET" else saved(request, record)))

    return many, one


def _plain(record: Model, name: str) -> Any:
    value = getattr(record, record._meta.get_field(name).attname)
    if isinstance(value, Decimal | date | time):
        return str(value)
    return duration_string(value) if isinstance(value, timedelta) else value


surveys, survey = _records(Survey, SurveyForm, "author", lambda user: user.role != User.Role.TEACHER)
grades, grade = _records(Grade, GradeForm, "teacher", lambda user: True)


@api("GET")
def institutions(request: HttpRequest) -> HttpResponse:
    """GET /api/institutions."""
    rows = Institution.objects.select_related("region")
    part, limit, offset = page_of(request, rows)
    results = [
        {
            "id": each.pk,
            "uuid": str(each.uuid),
            "code": each.code,
            "name": each.name,
            "region": each.region.name,
            "latitude": str(each.latitude) if each.latitude is not None else None,
            "longitude": str(each.longitude) if each.longitude is not None else None,
            "is_active": each.is_active,
            "contact": each.contact,
        }
        for each in part
    ]
    return JsonResponse({"count": rows.count(), "limit": limit, "offset": offset, "results": results})
