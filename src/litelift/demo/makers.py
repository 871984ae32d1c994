"""How the demo's values are made: a maker for a column's ``~word``, else for its name, else for its type."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from litelift.demo import words
from litelift.demo.blueprint import ColumnSpec, TableSpec
from litelift.sqlite.schema import Value

MOVE = dt.datetime(2025, 12, 13, 19, 55)
"""The evening of the move, UTC. Nothing in the demo is newer, and nothing asks the clock."""
START = dt.datetime(2024, 2, 5, 8, 0)
EPOCH = dt.datetime(1970, 1, 1)

MORPHS = {
    "User": "users",
    "Institution": "institutions",
    "Survey": "surveys",
    "Document": "documents",
    "Task": "tasks",
    "Student": "students",
    "LinkShare": "link_shares",
}


@dataclass(slots=True)
class Cell:
    """Where a value is to be made: row ``n`` (from 0), made at ``born``; ``row`` holds the values before it."""

    rng: random.Random
    table: TableSpec
    keys: dict[str, Sequence[int]]
    n: int
    born: dt.datetime
    row: dict[str, Value]
    column: ColumnSpec
    arg: str = ""


Maker = Callable[[Cell], Value]


def stamp(moment: dt.datetime) -> str:
    """``moment`` as Laravel writes a datetime."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def php_json(value: object) -> str:
    """``value`` as PHP's json_encode writes it: ASCII, no spaces, slashes escaped."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/")


def uuid4(rng: random.Random) -> str:
    """A version 4 UUID."""
    digits = f"{rng.getrandbits(128):032x}"
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) % 4]}{digits[17:20]}-{digits[20:]}"
    )


def person(rng: random.Random, gender: str | None = None) -> tuple[str, str]:
    """A given name and a surname that agree."""
    female = gender == "qadın" if gender else rng.random() < 0.6
    surname = rng.choice(words.SURNAMES)
    return rng.choice(words.FEMALE if female else words.MALE), surname + (
        "a" if female and surname.endswith("v") else ""
    )


def title(cell: Cell) -> str:
    """A heading."""
    thing = cell.rng.choice(words.THINGS)
    made = cell.rng.choice(words.FORMS).format(thing)
    # i and ı differ in Azerbaijani, so str.upper() would misspell half of them.
    return made if made[0] != thing[0] else {"i": "İ", "ı": "I"}.get(made[0], made[0].upper()) + made[1:]


def _sentence(cell: Cell) -> str:
    return cell.rng.choice(words.SENTENCES)


def _paragraph(cell: Cell) -> str:
    return "\n".join(cell.rng.choice(words.SENTENCES) for _ in range(cell.rng.randint(2, 4)))


def _pick(cell: Cell) -> str:
    return cell.rng.choice(cell.arg.split("|"))


def _listed(entries: Sequence[str], n: int) -> str:
    return entries[n % len(entries)] + (f" {n // len(entries) + 1}" if n >= len(entries) else "")


def _number(cell: Cell) -> int:
    low, high = cell.arg.split("-")
    return cell.rng.randint(int(low), int(high))


def _cents(low: int, high: int) -> Maker:
    return lambda cell: cell.rng.randint(low * 100, high * 100) / 100


def _hex(digits: int) -> Maker:
    return lambda cell: f"{cell.rng.getrandbits(digits * 4):0{digits}x}"


def _token(cell: Cell, length: int = 60) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(cell.rng.choices(alphabet, k=length))


def _bcrypt(cell: Cell) -> str:
    return "$2y$12$" + _token(cell, 53)


def _email(cell: Cell) -> str:
    return f"{cell.table.name.replace('_', '.')}.{cell.n + 1}@example.az"


def _phone(cell: Cell) -> str:
    rng = cell.rng
    return (
        f"+994 {rng.choice((50, 51, 55, 70, 77))} {rng.randint(200, 999)} {rng.randint(10, 99)} {rng.randint(10, 99)}"
    )


def _ip(cell: Cell) -> str:
    # 203.0.113.0/24 and 2001:db8::/32 are kept for documentation (RFC 5737, RFC 3849).
    if cell.rng.random() < 0.1:
        return f"2001:db8::{cell.rng.getrandbits(16):x}"
    return f"{cell.rng.choice(('10.12.4', '10.12.9', '203.0.113'))}.{cell.rng.randint(2, 254)}"


def _address(cell: Cell) -> str:
    rng = cell.rng
    return f"{rng.choice(words.PLACES)} ş., {rng.choice(words.STREETS)} küç. {rng.randint(1, 180)}"


def _file(cell: Cell) -> str:
    return cell.rng.choice(words.FILES)


def _path(cell: Cell) -> str:
    return f"{cell.table.name}/{cell.born:%Y/%m}/{cell.rng.getrandbits(64):016x}.{_file(cell).rsplit('.', 1)[1]}"


def _mime(cell: Cell) -> str:
    name = str(cell.row.get("file_name") or _file(cell))
    return words.MIME[name.rsplit(".", 1)[1]]


def _details(cell: Cell) -> str:
    rng = cell.rng
    made: dict[str, object] = {
        "say": rng.randint(0, 400),
        "qeyd": rng.choice(words.SENTENCES),
        "açıq": rng.random() < 0.5,
    }
    if rng.random() < 0.5:
        made["filtr"] = {"rayon": rng.choice(words.PLACES), "faiz": rng.randint(0, 10000) / 100, "son": None}
    return php_json(made)


def _strings(cell: Cell) -> str:
    return php_json(cell.rng.sample(words.TAGS, cell.rng.randint(0, 4)))


def _morph_type(cell: Cell) -> str:
    return "App\\Models\\" + cell.rng.choice(cell.arg.split("|"))


def _morph_id(cell: Cell) -> Value:
    kind = cell.row[cell.arg]
    return None if kind is None else cell.rng.choice(cell.keys[MORPHS[str(kind).rsplit("\\", 1)[1]]])


def _turn(cell: Cell) -> int:
    parent = next(column.parent for column in cell.table.columns if column.maker == "cycle")
    return cell.n // len(cell.keys[str(parent)]) + 1


def _moment(cell: Cell) -> str:
    name, rng = cell.column.name, cell.rng
    if name in ("expires_at", "due_at"):
        return stamp(cell.born + dt.timedelta(days=rng.randint(3, 300), hours=rng.randint(0, 9)))
    begun = cell.row.get("starts_at") or cell.row.get("started_at")
    if begun and name in ("ends_at", "finished_at"):
        return stamp(dt.datetime.fromisoformat(str(begun)) + dt.timedelta(minutes=rng.randint(1, 900)))
    return stamp(min(MOVE, cell.born + dt.timedelta(seconds=rng.randint(0, 40 * 86400))))


def _updated(cell: Cell) -> str:
    later = cell.rng.randint(0, 90 * 86400) if cell.rng.random() < 0.5 else 0
    return stamp(min(MOVE, cell.born + dt.timedelta(seconds=later)))


def _day(cell: Cell) -> str:
    begun = cell.row.get("starts_on")
    if begun and cell.column.name == "ends_on":
        return str(dt.date.fromisoformat(str(begun)) + dt.timedelta(days=cell.rng.randint(0, 60)))
    return str(cell.born.date() + dt.timedelta(days=cell.rng.randint(-30, 0)))


def _clock(cell: Cell) -> str:
    return f"{cell.rng.randint(8, 17):02}:{cell.rng.randrange(0, 60, 5):02}:00"


def _after(cell: Cell) -> str:
    begun = str(cell.row.get("starts") or "08:00:00")
    return f"{int(begun[:2]) + 1:02}{begun[2:]}"


def _birth(low: int, high: int) -> Maker:
    return lambda cell: str(dt.date(cell.rng.randint(low, high), 1, 1) + dt.timedelta(days=cell.rng.randint(0, 364)))


def _job(cell: Cell) -> str:
    command = f'O:24:"App\\Jobs\\SendNotification":1:{{s:6:"userId";i:{cell.rng.randint(1, 418)};}}'
    return php_json(
        {"uuid": uuid4(cell.rng), "displayName": "App\\Jobs\\SendNotification", "data": {"command": command}}
    )


def _answers(cell: Cell) -> str:
    rng = cell.rng
    return php_json({"1": rng.choice(("Bəli", "Xeyr")), "2": ["a", "ə"], "3": rng.randint(0, 500) / 100, "4": None})


def _month(cell: Cell) -> str:
    return f"{cell.rng.choice((2024, 2025))}-{cell.rng.randint(1, 12):02}"


_EMPLOYMENT = ("AKTİV", "Aktiv", "aktiv", "MƏZUNİYYƏTDƏ", "Məzuniyyətdə", "İŞDƏN ÇIXIB", "İşdən çıxıb", "işdən çıxıb")

WORDS: dict[str, Maker] = {
    "academic_year": lambda cell: f"{2020 + cell.n}/{2021 + cell.n}",
    "adult_birth": _birth(1958, 2001),
    "answer": lambda cell: cell.rng.choice(("Bəli", "Xeyr", "Qismən", _sentence(cell))),
    "answers": _answers,
    "bcrypt": _bcrypt,
    "building": lambda cell: cell.rng.choice(("Əsas bina", "2 nömrəli korpus", "İdman korpusu", "Köhnə bina")),
    "bytes": lambda cell: cell.rng.randbytes(cell.rng.randint(200, 3000)),
    "child_birth": _birth(2008, 2018),
    "choices": lambda cell: php_json([{"mətn": "Bəli", "dəyər": 1}, {"mətn": "Xeyr", "dəyər": 0}]),
    "clock": _clock,
    "code": lambda cell: f"{cell.arg}-{cell.n + 1:05}" if cell.arg.isupper() else f"{cell.arg}.{cell.n + 1}",
    "color": lambda cell: f"#{cell.rng.getrandbits(24):06x}",
    "company": lambda cell: f"“{cell.rng.choice(words.COMPANIES)}” MMC",
    "const": lambda cell: cell.arg,
    "const_int": lambda cell: int(cell.arg),
    "contact": lambda cell: php_json({"telefon": _phone(cell), "ünvan": _address(cell), "email": None}),
    "cycle": lambda cell: cell.keys[str(cell.column.parent)][cell.n % len(cell.keys[str(cell.column.parent)])],
    "department": lambda cell: cell.rng.choice(words.DEPARTMENTS),
    "digits10": lambda cell: f"{1400000000 + cell.n * 7919}",
    "digits7": lambda cell: f"{(cell.n + 1) * 7919:07}",
    "duration": lambda cell: cell.rng.random() * 900,
    "email": _email,
    "emails": lambda cell: php_json(
        [f"şöbə{cell.rng.randint(1, 40)}@example.az" for _ in range(cell.rng.randint(1, 3))]
    ),
    "employment": lambda cell: cell.rng.choices(_EMPLOYMENT, (3, 6, 12, 1, 2, 1, 1, 1))[0],
    "epoch": lambda cell: int((cell.born - EPOCH).total_seconds()),
    "exception": lambda cell: (
        f"RuntimeException: Xəta baş verdi: “{_sentence(cell)}” in /var/www/atis/app/Jobs/X.php:41\n#0 {{main}}"
    ),
    "few": lambda cell: cell.rng.choice((0, 0, 0, 1, 1, 2, 3)),
    "founded": lambda cell: f"{cell.rng.randint(1921, 2022)}-09-{cell.rng.choice((1, 15)):02} 00:00:00",
    "fraction": lambda cell: round(cell.rng.random(), 3),
    "future_date": lambda cell: str(MOVE.date() + dt.timedelta(days=cell.rng.randint(-200, 900))),
    "hex40": _hex(40),
    "hex64": _hex(64),
    "hours": lambda cell: cell.rng.randint(2, 48) / 2,
    "ids": lambda cell: php_json(cell.rng.sample(list(cell.keys["institutions"]), cell.rng.randint(0, 6))),
    "ip": _ip,
    "isbn": lambda cell: f"978-9952-{cell.rng.randint(10, 99)}-{cell.n:03}-{cell.rng.randint(0, 9)}",
    "item": lambda cell: cell.rng.choice(words.ITEMS),
    "job": _job,
    "job_title": lambda cell: cell.rng.choice(words.JOBS),
    "kg": _cents(14, 88),
    "latitude": lambda cell: cell.rng.randint(384000000, 418000000) / 10**7,
    "link_title": lambda cell: f"Paylaşılan link {cell.n + 1}: {title(cell)}",
    "list": lambda cell: _listed(cell.arg.split("|"), cell.n),
    "list_place": lambda cell: _listed(words.PLACES, cell.n),
    "list_subject": lambda cell: _listed(words.SUBJECTS, cell.n),
    "list_tag": lambda cell: _listed(words.TAGS, cell.n),
    "longitude": lambda cell: cell.rng.randint(448000000, 503000000) / 10**7,
    "money": _cents(1, 9000),
    "month": _month,
    "morph_id": _morph_id,
    "morph_type": _morph_type,
    "notification": lambda cell: php_json(
        {"title": title(cell), "body": _sentence(cell), "url": f"/tasks/{cell.n + 1}"}
    ),
    "notification_type": lambda cell: (
        "App\\Notifications\\" + cell.rng.choice(("TaskAssigned", "SurveyOpened", "DocumentShared"))
    ),
    "null": lambda cell: None,
    "number": _number,
    "paragraph": _paragraph,
    "path": _path,
    "percent": _cents(0, 100),
    "person": lambda cell: " ".join(person(cell.rng)),
    "phone": _phone,
    "pick": _pick,
    "pick_int": lambda cell: int(_pick(cell)),
    "place": lambda cell: cell.rng.choice(words.PLACES + words.SETTLEMENTS),
    "preferences": lambda cell: php_json(
        {"dil": "az", "tema": cell.rng.choice(("tünd", "açıq")), "bildiriş": True, "ölçü": 1.5}
    ),
    "question": lambda cell: f"{title(cell)}: məktəbinizdə vəziyyət necədir?",
    "rating": _cents(1, 5),
    "room": lambda cell: f"{cell.rng.randint(1, 4)}{cell.rng.randint(0, 39):02}{cell.rng.choice(('', '', 'a', 'ə'))}",
    "score": _cents(20, 100),
    "serial": lambda cell: cell.n + 1,
    "serial_number": lambda cell: f"SN{cell.n * 104729 % 10**8:08}",
    "strings": _strings,
    "survey_settings": lambda cell: php_json(
        {"limit": cell.n * 10, "dil": ["az", "ru"], "mesaj": "Təşəkkür edirik! 😊", "nəticə": None}
    ),
    "title": title,
    "token60": _token,
    "turn": _turn,
    "username": lambda cell: f"user{cell.rng.randint(1, 460)}",
    "uuid": lambda cell: uuid4(cell.rng),
    "weight": lambda cell: cell.rng.choice((1, 1, 1, 1.15, 1.5, 2.25)),
    "zero": lambda cell: 0,
}

NAMES: dict[str, Maker] = {
    "first_name": lambda cell: person(cell.rng)[0],
    "last_name": lambda cell: person(cell.rng)[1],
    "father_name": lambda cell: cell.rng.choice(words.MALE),
    "title": title,
    "email": _email,
    "phone": _phone,
    "address": _address,
    "url": lambda cell: f"https://atis.example.az/fayl/{cell.n + 1}?ad=%C5%9E%C9%99ki&x=%20",
    "ip_address": _ip,
    "user_agent": lambda cell: cell.rng.choice(words.AGENTS),
    "path": _path,
    "file_name": _file,
    "mime_type": _mime,
    "size_bytes": lambda cell: cell.rng.choice((10**4, 10**6, 10**6, 3 * 10**9)) + cell.rng.randint(1, 10**6),
    "slug": lambda cell: f"{cell.table.name.replace('_', '-')}-{cell.n + 1}",
    "amount": _cents(5, 4000),
    "cost": _cents(1, 400),
    "quantity": lambda cell: cell.rng.randint(1, 120),
    "row_number": lambda cell: cell.rng.randint(2, 900),
    "hours": lambda cell: cell.rng.randint(2, 48) / 2,
    "short_name": lambda cell: f"{cell.rng.choice(words.PLACES)}-{cell.n + 1}",
    "region_code": lambda cell: "AZ",
    "attachments": _strings,
    "is_active": lambda cell: int(cell.rng.random() < 0.93),
    "starts": _clock,
    "ends": _after,
    "created_at": lambda cell: stamp(cell.born),
    "updated_at": _updated,
}

KINDS: dict[str, Maker] = {
    "str": _sentence,
    "text": _sentence,
    "json": _details,
    "uuid": lambda cell: uuid4(cell.rng),
    "bool": lambda cell: int(cell.rng.random() < 0.35),
    "int": lambda cell: cell.rng.randint(0, 100),
    "date": _day,
    "datetime": _moment,
    "time": _clock,
    "enum": lambda cell: cell.rng.choice(cell.column.values),
    "fk": lambda cell: cell.rng.choice(cell.keys[str(cell.column.parent)]),
}


def maker(column: ColumnSpec) -> tuple[Maker, str]:
    """The maker of a column's values, and its argument. Raises KeyError for a column that has none."""
    if column.maker:
        word, _, arg = column.maker.partition(":")
        return WORDS[word], arg
    return NAMES.get(column.name) or KINDS[column.kind], ""
