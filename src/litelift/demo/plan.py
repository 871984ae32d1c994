"""The demo's plan file: the Azerbaijani words of the old application, and the English ones of the new."""

from __future__ import annotations

from pathlib import Path

DEMO_PLAN = """\
# The plan of the demo's move: see "The plan file" in the documentation.

[defaults]
on_misfit = "auto"
schema = "public"

[tables.users.columns.gender]
values = { "kişi" = "male", "qadın" = "female" }

[tables.users.columns.preferences]
type = "jsonb"

[tables.institutions.columns.uuid]
type = "uuid"

[tables.surveys.columns.status]
values = { "aktiv" = "active", "qaralama" = "draft", "bağlı" = "closed", "arxivləşdirilmiş" = "archived" }
enum = "survey_status"

[tables.surveys.columns.visibility]
values = { "hamı" = "everyone", "müəssisə" = "institution", "şəxsi" = "private" }

[tables.surveys.columns.settings]
type = "jsonb"

[tables.survey_questions.columns.type]
values = { "mətn" = "text", "seçim" = "choice", "çoxseçim" = "multiple", "ədəd" = "number", "tarix" = "date" }

[tables.link_shares.columns.link_type]
values = { "video" = "video", "sənəd" = "document", "forma" = "form", "digər" = "other" }

[tables.students.columns.gender]
values = { "kişi" = "male", "qadın" = "female" }

[tables.grades.columns.kind]
values = { "cari" = "current", "summativ" = "summative", "yekun" = "final" }

[tables.attendance_records.columns.status]
values = { "iştirak" = "present", "qaib" = "absent", "gecikmə" = "late", "üzrlü" = "excused" }

[tables.tasks.columns.status]
values = { "yeni" = "new", "icrada" = "in_progress", "tamamlandı" = "done", "gecikir" = "overdue" }

[tables.tasks.columns.priority]
values = { "aşağı" = "low", "orta" = "medium", "yüksək" = "high", "təcili" = "urgent" }

[tables.leave_requests.columns.status]
values = { "gözləyir" = "pending", "təsdiqləndi" = "approved", "rədd_edildi" = "rejected" }

# Typed by hand over the years: AKTİV, Aktiv, İŞDƏN ÇIXIB, işdən çıxıb. In Azerbaijani İ is the capital of i, I of ı.
[tables.teacher_profiles.columns.employment_status]
values = { "aktiv" = "active", "məzuniyyətdə" = "on_leave", "işdən çıxıb" = "left" }
match = "casefold"
locale = "az"
"""


def write_demo_plan(path: Path) -> Path:
    """Write the demo's plan to ``path``, and return it. Raises OSError, also for a file that is there."""
    with path.open("x", encoding="utf-8") as file:
        file.write(DEMO_PLAN)
    return path
