"""The rows that are not made at random column by column: who the institutions, users, roles and rights are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from litelift.demo import words
from litelift.demo.catalogue import TABLES
from litelift.demo.makers import EPOCH, MOVE, Cell, person, stamp
from litelift.sqlite.schema import Value

MINISTRY, REGIONAL, SECTORS = 1, 9, 36

_TYPES = (
    ("ministry", "Nazirlik", 1),
    ("regional_education_department", "Regional təhsil idarəsi", 2),
    ("sector_education_office", "Sektor", 3),
    ("secondary_school", "Tam orta məktəb", 4),
    ("kindergarten", "Uşaq bağçası", 4),
    ("lyceum", "Lisey", 4),
    ("gymnasium", "Gimnaziya", 4),
    ("vocational_school", "Peşə məktəbi", 4),
)
_MODULES = (
    "users",
    "roles",
    "permissions",
    "institutions",
    "departments",
    "surveys",
    "survey_responses",
    "tasks",
    "documents",
    "folders",
    "link_shares",
    "students",
    "classes",
    "subjects",
    "grades",
    "attendance",
    "schedules",
    "assessments",
    "teachers",
    "inventory",
    "budgets",
    "events",
    "reports",
    "notifications",
    "approvals",
    "settings",
    "audit",
)
_ACTIONS = ("view", "create", "update", "delete", "export", "import", "approve", "share")
_ROLES = (
    ("superadmin", "Super administrator"),
    ("regionadmin", "Regional administrator"),
    ("regionoperator", "Regional operator"),
    ("sektoradmin", "Sektor administratoru"),
    ("schooladmin", "Məktəb administratoru"),
    ("deputy_director", "Direktor müavini"),
    ("teacher", "Müəllim"),
    ("preschooladmin", "Bağça müdiri"),
    ("psychologist", "Psixoloq"),
    ("viewer", "Müşahidəçi"),
)
_CHANGES = (
    "add_phone_to_users_table",
    "add_level_to_roles_table",
    "add_category_to_permissions_table",
    "add_is_featured_to_link_shares_table",
    "add_metadata_to_tasks_table",
    "fix_grades_score_precision",
)


def _migration(cell: Cell) -> dict[str, Value]:
    names = [f"create_{table.name}_table" for table in TABLES if table.name != "migrations"] + list(_CHANGES)
    day = dt.date(2024, 1, 8) + dt.timedelta(days=cell.n * 4)
    return {"migration": f"{day:%Y_%m_%d}_{cell.n:06}_{names[cell.n]}", "batch": cell.n // 9 + 1}


def _institution_type(cell: Cell) -> dict[str, Value]:
    key, label, level = _TYPES[cell.n]
    return {"key": key, "label": label, "level": level, "is_active": 1}


def _institution(cell: Cell) -> dict[str, Value]:
    n, rng = cell.n, cell.rng
    code: dict[str, Value] = {
        "code": f"MKT{n + 1:04}",
        "utis_code": f"{1000000 + n * 37}" if n > SECTORS + REGIONAL else None,
    }
    if n == 0:
        name = "Azərbaycan Respublikası Elm və Təhsil Nazirliyi (nümunə)"
        return {
            "name": name,
            "parent_id": None,
            "institution_type_id": 1,
            "region_id": None,
            "deleted_at": None,
            **code,
        }
    region = 1 + (n - 1) % len(words.PLACES)
    if n <= REGIONAL:
        name = f"{words.PLACES[n - 1]} Regional Təhsil İdarəsi"
        return {"name": name, "parent_id": 1, "institution_type_id": 2, "region_id": region, "deleted_at": None, **code}
    if n <= REGIONAL + SECTORS:
        name, parent = f"{words.SETTLEMENTS[n - REGIONAL - 1]} sektoru", 2 + (n - REGIONAL - 1) % REGIONAL
        return {
            "name": name,
            "parent_id": parent,
            "institution_type_id": 3,
            "region_id": region,
            "deleted_at": None,
            **code,
        }
    kind = rng.choices((4, 5, 6, 7, 8), (60, 25, 6, 5, 4))[0]
    place = words.SETTLEMENTS[(n - REGIONAL - SECTORS - 1) % SECTORS]
    name = f"{place} {n - REGIONAL - SECTORS} nömrəli {_TYPES[kind - 1][1].lower()}"
    parent = 2 + REGIONAL + (n - REGIONAL - SECTORS - 1) % SECTORS
    return {"name": name, "parent_id": parent, "institution_type_id": kind, "region_id": region, **code}


def _user(cell: Cell) -> dict[str, Value]:
    gender = cell.rng.choice(("kişi", "qadın", "qadın"))
    user = f"user{cell.n + 1}"
    made: dict[str, Value] = {
        "name": " ".join(person(cell.rng, gender)),
        "username": user,
        "email": f"{user}@example.az",
    }
    return {**made, "gender": gender if cell.rng.random() < 0.9 else None}


def _student(cell: Cell) -> dict[str, Value]:
    gender = cell.rng.choice(("kişi", "qadın"))
    first, last = person(cell.rng, gender)
    return {"first_name": first, "last_name": last, "gender": gender}


def _permission(cell: Cell) -> dict[str, Value]:
    return {"name": f"{_MODULES[cell.n // len(_ACTIONS)]}.{_ACTIONS[cell.n % len(_ACTIONS)]}"}


def _role(cell: Cell) -> dict[str, Value]:
    name, display = _ROLES[cell.n]
    return {"name": name, "display_name": display, "level": cell.n + 1}


def _role_permission(cell: Cell) -> dict[str, Value]:
    rights = cell.keys["permissions"]
    if cell.n < len(rights):
        return {"permission_id": rights[cell.n], "role_id": 1}
    return {"role_id": cell.rng.randint(2, len(_ROLES))}


def _model_role(cell: Cell) -> dict[str, Value]:
    role = 1 if cell.n < 2 else cell.rng.choices(range(2, 11), (2, 3, 5, 12, 6, 30, 8, 2, 5))[0]
    return {"role_id": role, "model_type": "App\\Models\\User", "model_id": cell.keys["users"][cell.n]}


def _grade(cell: Cell) -> dict[str, Value]:
    kind = cell.rng.choices(("cari", "summativ", "yekun"), (80, 15, 5))[0]
    return {"kind": kind, "is_final": int(kind == "yekun")}


def _task(cell: Cell) -> dict[str, Value]:
    status = cell.rng.choice(("yeni", "icrada", "tamamlandı", "gecikir"))
    done = stamp(min(MOVE, cell.born + dt.timedelta(days=cell.rng.randint(1, 30)))) if status == "tamamlandı" else None
    return {"status": status, "completed_at": done}


def _academic_year(cell: Cell) -> dict[str, Value]:
    year = 2020 + cell.n
    return {"starts_on": f"{year}-09-15", "ends_on": f"{year + 1}-06-14", "is_current": int(year == 2025)}


def _reset(cell: Cell) -> dict[str, Value]:
    return {"email": f"user{cell.n * 31 + 3}@example.az"}


def _cache(cell: Cell) -> dict[str, Value]:
    value = f'a:2:{{s:5:"cəmi";i:{cell.n};s:7:"siyahı";a:3:{{i:0;d:1.5;i:1;b:1;i:2;N;}}}}'
    expires = int((MOVE - EPOCH).total_seconds()) + 60 * cell.n
    return {"key": f"atis_cache:statistika:{cell.n + 1}", "value": value, "expiration": expires}


ENTITIES: dict[str, Callable[[Cell], dict[str, Value]]] = {
    "migrations": _migration,
    "institution_types": _institution_type,
    "institutions": _institution,
    "users": _user,
    "students": _student,
    "permissions": _permission,
    "roles": _role,
    "role_has_permissions": _role_permission,
    "model_has_roles": _model_role,
    "grades": _grade,
    "tasks": _task,
    "academic_years": _academic_year,
    "password_reset_tokens": _reset,
    "cache": _cache,
}
"""For a table, what of row ``cell.n`` is settled; the other columns' makers fill in the rest."""
