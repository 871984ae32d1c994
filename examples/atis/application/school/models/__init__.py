"""The schema, one module for each subject."""

from school.models.grades import Grade, Subject
from school.models.institutions import Institution, Region
from school.models.links import LinkShare, LinkVisit
from school.models.people import ApiToken, Student, User
from school.models.surveys import Attachment, Survey, SurveyAnswer

__all__ = [
    "ApiToken",
    "Attachment",
    "Grade",
    "Institution",
    "LinkShare",
    "LinkVisit",
    "Region",
    "Student",
    "Subject",
    "Survey",
    "SurveyAnswer",
    "User",
]
