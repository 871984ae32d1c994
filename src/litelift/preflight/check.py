"""The preflight: everything that can be known before a move. It writes nothing, on neither side."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

from litelift import __version__, errors
from litelift.move.check import check_source
from litelift.move.progress import OnProgress, Timeline
from litelift.move.run import explained
from litelift.plan.file import PlanFile, read_plan
from litelift.plan.inspection import move_seconds
from litelift.plan.types import Rule
from litelift.postgres import embedded
from litelift.postgres.connect import Connection, Server, normalized, open_server, reading_only, refuse_read_only
from litelift.postgres.existing import read_type
from litelift.preflight import room, source, target, writers
from litelift.preflight.embedded import disk_of_embedded, look_for_embedded
from litelift.preflight.estimate import estimate
from litelift.preflight.findings import LEVELS, SUBJECTS, CheckResult, DiskLook, Findings, SourceLook, TargetLook
from litelift.preflight.plan import Planned, plan_filling_of, plan_move, tell_plan
from litelift.preflight.server import State
from litelift.preflight.survey import Survey, gathered, opened
from litelift.sqlite.open import source_bytes, source_path

EMBEDDED_SECONDS = 4.0
"""What making and starting an embedded server adds at the most."""


def check(
    src: str | Path,
    dst: str | None = None,
    *,
    plan: PlanFile | str | Path | None = None,
    data_only: bool = False,
    on_misfit: Rule | None = None,
    jobs: int | None = None,
    postgres: int = embedded.DEFAULT_VERSION,
    on_progress: OnProgress | None = None,
) -> CheckResult:
    """Look at everything that can be known before a move, and write nothing.

    Args:
        src: the SQLite file, a path or sqlite:///path.
        dst: a libpq URL or keyword string; None looks whether an embedded server could be made beside the source.
        plan: a plan file, or its path.
        data_only: look at a filling of the tables that the application made in the target.
        on_misfit: what values that do not fit their declared type do, unless the plan says otherwise.
        jobs: worker processes; None decides by the source's size.
        postgres: the embedded server's major version, 16 or 18.
        on_progress: called with every sign of life.

    Returns:
        The findings; ``exit_code`` is 0 (ready), 3 (ready, and something needs a person) or 1 (not ready).

    Raises:
        UsageError: the words, or the plan file, are wrong.
        LiteliftError: an end broke away in the middle.
    """
    file = read_plan(Path(plan)) if isinstance(plan, str | Path) else plan or PlanFile()
    path = source_path(src)
    dst = normalized(dst) if dst is not None else None
    if data_only and dst is None:
        hint = "Name the database whose tables the application made: litelift check SRC DST --data-only"
        raise errors.UsageError(message="--data-only fills the tables of a target, and none is named", hint=hint)
    with explained(path):
        return _Preflight(path, file, data_only, on_misfit, jobs, postgres, Timeline(on_progress)).run(dst)


class _Preflight:
    """One preflight."""

    def __init__(
        self,
        path: Path,
        file: PlanFile,
        data_only: bool,
        rule: Rule | None,
        jobs: int | None,
        postgres: int,
        timeline: Timeline,
    ) -> None:
        self.path = path
        self.file = file
        self.data_only = data_only
        self.rule = rule
        self.jobs = jobs
        self.postgres = postgres
        self.timeline = timeline
        self.findings = Findings()
        self.result = CheckResult(
            litelift_version=__version__,
            checked=datetime.now(UTC),
            source=SourceLook(path=str(path.absolute()), bytes=source_bytes(path), log_bytes=source.log_size(path)),
        )

    def run(self, dst: str | None) -> CheckResult:
        """Look at the source, at the target, and at what the plan makes of both."""
        findings, result = self.findings, self.result
        # While this process does not have it open: see `pulse`.
        held = writers.writer(self.path)
        writers.tell_openers(findings, self.path, writers.openers(self.path))
        writers.tell_writer(findings, held)
        hot = source.has_hot_journal(self.path, held)
        before = writers.pulse(self.path)
        with gathered(self.path, self.jobs) as crew:
            jobs = crew.jobs
            with contextlib.ExitStack() as stack:
                survey: Survey | None = None
                with findings.blocked("source", "hot-journal" if hot else None), self.timeline.step("open"):
                    survey = stack.enter_context(opened(self.path, self.file, crew, self.timeline))
                    result.source = source.look_at_file(findings, survey.source, survey.schema)
                with self.timeline.step("server"):
                    reached = self._reach(stack, dst, survey, jobs)
                if survey is not None:
                    self._survey(survey, reached, jobs)
        writers.tell_growth(findings, before, writers.pulse(self.path))
        result.findings = sorted(
            findings.found, key=lambda finding: (LEVELS.index(finding.level), SUBJECTS.index(finding.about))
        )
        return result

    def _reach(
        self, stack: contextlib.ExitStack, dst: str | None, survey: Survey | None, jobs: int
    ) -> tuple[Server, Connection, State] | None:
        """Look at the target; None where there is none, or none that can be asked."""
        findings, name = self.findings, self.file.defaults.schema_name
        if dst is None:
            self.result.disk = disk_of_embedded(self.path)
            dst = look_for_embedded(findings, self.path, self.postgres)
            if dst is None:
                return None
        with findings.blocked("target"):
            server, connection = open_server(normalized(dst))
            stack.enter_context(connection)
            with findings.blocked("target"):
                refuse_read_only(connection)
            # Whatever is asked from here on can only read.
            connection.execute("set default_transaction_read_only = on")
            tables = len(survey.schema.tables) if survey is not None else None
            self.result.target, state = target.look_at_target(
                findings,
                server,
                connection,
                name,
                tables=tables,
                jobs=jobs,
                data_only=self.data_only,
                today=self.result.checked.date(),
            )
            target.tell_clock(findings, state)
            self.result.disk = self.result.disk or room.disk_of(connection)
            self.file.find_types(lambda asked: read_type(connection, name, asked))
            return server, connection, state
        return None

    def _survey(self, survey: Survey, reached: tuple[Server, Connection, State] | None, jobs: int) -> None:
        findings = self.findings
        server, connection, state = reached or (None, None, None)
        planned: Planned | None = None
        with findings.blocked("plan"):
            survey.join(reading_only(server.dsn) if server else None)
            if self.data_only and (server is None or connection is None):
                if not survey.source.checked:
                    check_source(survey.crew, self.path)
            elif self.data_only and server is not None and connection is not None:
                planned = plan_filling_of(survey, self.file, self.rule, server, connection)
            else:
                planned = plan_move(survey, self.file, self.rule, server)
        if not any(finding.about == "source" and finding.level == "blocker" for finding in findings.found):
            findings.add("source", "ok", "integrity", "SQLite's own check finds it whole")
        if planned is None:
            return
        self.result.source.rows = planned.rows
        icu = server.icu if server else False
        tell_plan(findings, survey.source.connection, survey.schema, planned, icu)
        self._room(survey, planned, state, jobs)
        least, longest = move_seconds(planned.seconds)
        self.result.estimate_seconds = (least, longest + (0 if server else EMBEDDED_SECONDS))

    def _room(self, survey: Survey, planned: Planned, state: State | None, jobs: int) -> None:
        keeps = state is not None and state.keeps_log
        need = estimate(
            survey.source.connection,
            planned.plan,
            planned.censuses,
            target=planned.target,
            jobs=jobs,
            log_bytes=state.log_bytes if state is not None and not keeps else 1 << (62 if keeps else 30),
        )
        if state is None and not (embedded.folder_for(self.path) / "PG_VERSION").exists():
            need.server = room.EMBEDDED_BYTES
        self.result.need = need
        room.tell_room(self.findings, need, self.result.disk)
        room.tell_temporary(self.findings, max((table.bytes for table in planned.plan.tables), default=0))
        if state is not None:
            room.tell_log(self.findings, need, state)


__all__ = ["CheckResult", "DiskLook", "TargetLook", "check"]
