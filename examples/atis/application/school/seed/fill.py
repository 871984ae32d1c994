"""Fills an empty database."""

import json
import random
import struct
import uuid
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Model

from school.models import (
    Attachment,
    Grade,
    Institution,
    LinkShare,
    LinkVisit,
    Region,
    Student,
    Subject,
    Survey,
    SurveyAnswer,
    User,
)
from school.seed import words

PASSWORD = "atis-2025"
LAST_DAY = date(2025, 11, 21)
BATCH = 2000


class Fill:
    """One filling. The same ``seed`` and ``scale`` make the same data, but for the passwords' salt."""

    def __init__(self, scale: float, seed: int) -> None:
        self.chance = random.Random(seed)
        self.scale = scale

    def rows(self, usual: int, least: int = 3) -> int:
        """How many rows at this scale."""
        return max(least, round(usual * self.scale))

    @transaction.atomic
    def fill(self) -> dict[str, int]:
        """Fill all tables; rows for each."""
        regions = self._save(Region, self._regions())
        institutions = self._save(Institution, self._institutions(regions))
        users = self._save(User, self._users(institutions))
        subjects = self._save(Subject, (Subject(name=name, is_core=n < 8) for n, name in enumerate(words.SUBJECTS)))
        students = self._save(Student, self._students(institutions))
        grades = self._save(Grade, self._grades(students, subjects, users))
        surveys = self._save(Survey, self._surveys(users))
        answers = self._save(SurveyAnswer, self._answers(surveys, institutions, users))
        through = Survey.institutions.through
        asked = {(each.survey_id, each.institution_id) for each in answers}
        through.objects.bulk_create(
            (through(survey_id=survey, institution_id=institution) for survey, institution in sorted(asked)),
            batch_size=BATCH,
        )
        attachments = self._save(Attachment, self._attachments(surveys))
        links = self._save(LinkShare, self._links(surveys, users))
        visits = self._save(LinkVisit, self._visits(links))
        made = (regions, institutions, users, subjects, students, grades, surveys, answers, attachments, links, visits)
        return {each[0]._meta.db_table: len(each) for each in made}

    def _save(self, model: type[Model], rows: Iterator[Any]) -> list[Any]:
        return model.objects.bulk_create(rows, batch_size=BATCH)

    def _name(self) -> tuple[str, str, str, bool]:
        male = self.chance.random() < 0.5
        surname = self.chance.choice(words.SURNAMES)
        if not male and surname.endswith("v"):
            surname += "a"
        first = self.chance.choice(words.MALE if male else words.FEMALE)
        return first, surname, self.chance.choice(words.MALE) + (" oğlu" if male else " qızı"), male

    def _day(self, days: int) -> date:
        return LAST_DAY - timedelta(days=self.chance.randrange(days))

    def _moment(self, days: int) -> datetime:
        """In office hours, to the microsecond for most and to the second for some, as applications write them."""
        micro = 0 if self.chance.random() < 0.1 else self.chance.randrange(1_000_000)
        at = time(self.chance.randint(4, 14), self.chance.randrange(60), self.chance.randrange(60), micro, UTC)
        return datetime.combine(self._day(days), at)

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.chance.getrandbits(128), version=4)

    def _phone(self) -> str:
        return f"+994 {self.chance.choice(('50', '55', '70', '77'))} {self.chance.randrange(2000000, 9999999)}"

    def _regions(self) -> Iterator[Region]:
        for number, name in enumerate(words.PLACES, 1):
            yield Region(name=name, code=f"AZ-{number:02}", area_km2=Decimal(self.chance.randint(9000, 240000)) / 100)

    def _institutions(self, regions: list[Region]) -> Iterator[Institution]:
        for number in range(1, self.rows(360, 20) + 1):
            region = regions[number % len(regions)]
            office = number <= len(regions)
            kind = Institution.Kind.OFFICE if office else self.chance.choice(list(Institution.Kind)[:2])
            title = {"məktəb": "nömrəli tam orta məktəb", "bağça": "saylı uşaq bağçası"}.get(kind)
            yield Institution(
                uuid=self._uuid(),
                name=f"{region.name} {number} {title}" if title else f"{region.name} təhsil idarəsi",
                kind=kind,
                code=f"M{number:05}",
                region=region,
                contact={
                    "telefon": [self._phone()],
                    "ünvan": {"küçə": self.chance.choice(words.STREETS), "bina": self.chance.randint(1, 90)},
                    "internet": self.chance.random() < 0.8,
                },
                latitude=Decimal(self.chance.randint(38_400_000, 41_900_000)) / 1_000_000,
                longitude=Decimal(self.chance.randint(44_800_000, 50_300_000)) / 1_000_000,
                student_count=0 if office else self.chance.randint(40, 1900),
                established_on=self._day(30000) if self.chance.random() < 0.9 else None,
                is_active=self.chance.random() < 0.95,
            )

    def _users(self, institutions: list[Institution]) -> Iterator[User]:
        # One slow hash for all of them: each with a hash of its own would be most of the time that this takes.
        password = make_password(PASSWORD)
        for number in range(self.rows(240, 12)):
            first, last, father, _ = self._name()
            role = User.Role.ADMIN if number == 0 else User.Role.DIRECTOR if number % 6 == 1 else User.Role.TEACHER
            yield User(
                username="admin" if number == 0 else f"{'direktor' if number % 6 == 1 else 'muellim'}{number:03}",
                password=password,
                first_name=first,
                last_name=last,
                father_name=father,
                email=f"istifadeci{number:03}@atis.example",
                role=role,
                phone=self._phone() if self.chance.random() < 0.8 else "",
                institution=self.chance.choice(institutions) if number else None,
                settings={"dil": "az", "sətir": self.chance.choice((25, 50, 100)), "bildiriş": None},
                is_staff=number == 0,
                is_superuser=number == 0,
                is_active=number % 40 != 39,
                date_joined=self._moment(900),
                last_login=self._moment(30) if self.chance.random() < 0.7 else None,
            )

    def _students(self, institutions: list[Institution]) -> Iterator[Student]:
        schools = [each for each in institutions if each.kind == Institution.Kind.SCHOOL] or institutions
        for _ in range(self.rows(4000, 60)):
            first, last, father, male = self._name()
            grade = self.chance.randint(1, 11)
            yield Student(
                uuid=self._uuid(),
                first_name=first,
                last_name=last,
                father_name=father,
                gender=Student.Gender.MALE if male else Student.Gender.FEMALE,
                birth_date=date(2019 - grade, 1, 1) + timedelta(days=self.chance.randrange(365)),
                institution=self.chance.choice(schools),
                class_name=f"{grade}{self.chance.choice('abcçə')}",
                is_active=self.chance.random() < 0.97,
            )

    def _grades(self, students: list[Student], subjects: list[Subject], users: list[User]) -> Iterator[Grade]:
        teachers = [each for each in users if each.role == User.Role.TEACHER]
        for _ in range(self.rows(40_000, 300)):
            away = self.chance.random() < 0.05
            final = self.chance.random() < 0.1
            yield Grade(
                student=self.chance.choice(students),
                subject=self.chance.choice(subjects),
                teacher=self.chance.choice(teachers) if self.chance.random() < 0.95 else None,
                score=None if away else Decimal(self.chance.randint(2000, 10000)) / 100,
                kind=Grade.Kind.FINAL if final else self.chance.choice((Grade.Kind.CURRENT, Grade.Kind.SUMMATIVE)),
                is_final=final,
                graded_on=self._day(300),
                lesson_starts=time(self.chance.randint(8, 13), self.chance.choice((0, 50))),
                comment=self.chance.choice(words.COMMENTS) if self.chance.random() < 0.15 else "",
            )

    def _surveys(self, users: list[User]) -> Iterator[Survey]:
        for number in range(self.rows(120, 8)):
            status = (Survey.Status.ACTIVE, Survey.Status.CLOSED, Survey.Status.DRAFT)[number % 3]
            questions = [{"text": text, "məcburi": self.chance.random() < 0.7} for text in words.QUESTIONS]
            questions[1]["options"] = ["bəli", "xeyr", "bilmirəm"]
            yield Survey(
                uuid=self._uuid(),
                title=self.chance.choice(words.FORMS).format(self.chance.choice(words.THINGS)),
                description="\n".join(self.chance.sample(words.SENTENCES, 2)),
                status=status,
                questions=self.chance.sample(questions, self.chance.randint(2, len(questions))),
                is_anonymous=self.chance.random() < 0.3,
                budget=Decimal(self.chance.randint(0, 500_000_00)) / 100 if self.chance.random() < 0.7 else None,
                deadline=LAST_DAY + timedelta(days=self.chance.randint(3, 60)),
                opened_at=None if status == Survey.Status.DRAFT else self._moment(60),
                time_limit=timedelta(minutes=self.chance.choice((10, 15, 45))) if number % 4 else None,
                author=self.chance.choice(users[:8]),
            )

    def _answers(
        self, surveys: list[Survey], institutions: list[Institution], users: list[User]
    ) -> Iterator[SurveyAnswer]:
        for survey in surveys:
            if survey.status == Survey.Status.DRAFT:
                continue
            for institution in self.chance.sample(institutions, min(len(institutions), self.rows(60, 4))):
                yield SurveyAnswer(
                    survey=survey,
                    institution=institution,
                    user=self.chance.choice(users),
                    answers={
                        "kompüter": self.chance.randint(0, 60),
                        "davamiyyət": round(self.chance.uniform(60, 100), 1),
                        "istilik": self.chance.choice(("bəli", "xeyr", "bilmirəm")),
                        "rəy": self.chance.choice((None, *words.SENTENCES)),
                    },
                    spent=timedelta(seconds=self.chance.randint(40, 2400), microseconds=self.chance.randrange(1000000)),
                    submitted_at=self._moment(60),
                )

    def _attachments(self, surveys: list[Survey]) -> Iterator[Attachment]:
        for survey in surveys[::3]:
            yield Attachment.of(survey, "nişan.png", "image/png", _png(self.chance))
            letter = json.dumps({"məktub": survey.title, "mətn": survey.description}, ensure_ascii=False).encode()
            yield Attachment.of(survey, "məktub.json", "application/json", letter)

    def _links(self, surveys: list[Survey], users: list[User]) -> Iterator[LinkShare]:
        for number, survey in enumerate(surveys[: self.rows(40, 4)]):
            yield LinkShare(
                token=f"{self.chance.getrandbits(64):016x}",
                title=survey.title,
                survey=survey,
                visits=self.rows(50, 2),
                is_active=number % 9 != 8,
                expires_at=None if number % 5 else datetime(2035, 1, 1, tzinfo=UTC),
                created_by=self.chance.choice(users[:8]),
            )

    def _visits(self, links: list[LinkShare]) -> Iterator[LinkVisit]:
        for link in links:
            for _ in range(link.visits):
                yield LinkVisit(
                    link=link,
                    address=f"10.{self.chance.randrange(256)}.{self.chance.randrange(256)}.{self.chance.randrange(256)}",
                    agent=self.chance.choice(
                        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Mozilla/5.0 (Linux; Android 14)")
                    ),
                )


def _png(chance: random.Random) -> bytes:
    """A picture of 16 by 16 random dots: bytes that no text could hold."""
    rows = b"".join(b"\0" + chance.randbytes(16) for _ in range(16))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
