"""Switches the application's configuration to PostgreSQL, and back."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from litelift.atomic import write_whole
from litelift.cutover.configuration.edit import ConfigurationFile, checksum, files_of
from litelift.cutover.configuration.ready import notes, ready
from litelift.cutover.configuration.words import UNKNOWN
from litelift.cutover.context import Context
from litelift.cutover.credentials import kept_login
from litelift.cutover.step import Facts, Step, Undo
from litelift.cutover.steps.source import changed_since_kept
from litelift.cutover.switched import replaced
from litelift.errors import ConfigurationError, LiteliftError, SourceWrittenTo


class Switch(Step):
    """Every file of ``[[environment]]``: only the lines of its keys change.

    How a file was is kept before it is replaced. What it becomes follows from that and from the login, so that a step
    that was cut off knows a file that it has replaced already.
    """

    name = "switch"
    title = "Switch the application's configuration"
    back = "Put the application's configuration back"
    phase = 5
    undo_stage = Undo.FILES
    early = True

    def wanted(self, context: Context) -> bool:
        """Also without a file: it is the moment from which on the application is PostgreSQL's. Not in a rehearsal."""
        return not context.rehearsal

    def plan(self, context: Context) -> list[str]:
        """The lines that change, without secrets; a file that is not there yet is only named."""
        lines = [] if context.runbook.environment else ["no [[environment]]: its services alone know the new database"]
        for file in files_of(context.runbook):
            lines.append(file.name)
            if file.path.is_file():
                content = file.read()
                lines += file.diff(content, file.edited(content, UNKNOWN))
        return lines

    def estimate(self, context: Context) -> float:
        """Next to nothing."""
        return 0.1

    def check(self, context: Context) -> Facts:
        """Raises ConfigurationError for a file that is not there, cannot be replaced, or would not be read."""
        login = kept_login(context.login_path)
        words = login.words() if login else UNKNOWN
        secrets = [login.password] if login else []
        found = []
        for number, file in enumerate(files_of(context.runbook), 1):
            ready(file, context.runbook)
            before = file.read()
            after = file.edited(before, words)
            facts = file.path.stat()
            told = list(notes(file, before, context.runbook))
            for note in told:
                context.issue(note)
            found.append(
                {
                    "file": file.name,
                    "parts": file.places(),
                    "path": str(file.path),
                    "kept": f"kept/configuration/{number}/{file.path.name}",
                    "before": checksum(before),
                    "after": checksum(after) if login else None,
                    "mode": stat.S_IMODE(facts.st_mode),
                    "owner": [facts.st_uid, facts.st_gid],
                    "diff": file.diff(before, after, secrets),
                    "notes": told,
                }
            )
        return {"files": found}

    def do(self, context: Context, facts: Facts) -> None:
        """Show what changes; keep each file as it is; replace it. Raises SourceWrittenTo, ConfigurationError."""
        if not replaced(context) and (how := changed_since_kept(context)) is not None:
            raise SourceWrittenTo(how=how)
        words = context.login.words()
        for file, known in _asked(context, facts):
            now = file.read()
            if known["before"] == known["after"] or checksum(now) == known["after"]:
                continue
            if checksum(now) != known["before"]:
                raise ConfigurationError(path=file.name, message="somebody has changed it since it was looked at")
            new = file.edited(now, words)
            if checksum(new) != known["after"]:
                raise ConfigurationError(path=file.name, message="the runbook says otherwise than when this step began")
            for line in (file.name, *known["diff"]):
                context.tell(line)
            _keep(context.folder / known["kept"], now, file.path)
            write_whole(file.path, new)

    def confirm(self, context: Context, facts: Facts) -> None:
        """Read every file again, as an application reads it. Raises ConfigurationError."""
        words = context.login.words()
        for file, known in _asked(context, facts):
            now = file.path.stat()
            if wrong := file.wrong(file.read(), words):
                said = f"after the switch it does not say what it should for: {', '.join(wrong)}"
                raise ConfigurationError(path=file.name, message=said)
            if stat.S_IMODE(now.st_mode) != known["mode"] or [now.st_uid, now.st_gid] != known["owner"]:
                raise ConfigurationError(path=file.name, message="its owner or its mode is not what it was")

    def undo(self, context: Context, facts: Facts) -> Facts:
        """Put back what each file was; in a file that somebody has changed since, only the runbook's keys."""
        back = []
        for known in facts.get("files", []):
            file = ConfigurationFile.switched(known["file"], Path(known["path"]), known["parts"])
            if self._put_back(context, file, known):
                back.append(file.name)
        return {"put_back": back}

    def _put_back(self, context: Context, file: ConfigurationFile, known: Facts) -> bool:
        kept = context.folder / known["kept"]
        try:
            old = kept.read_bytes()
        except FileNotFoundError:
            return False  # It was never replaced: keeping comes first.
        if not file.path.exists():
            _keep(file.path, old, kept)
            context.issue(f"{file.name} was gone", "it is there again, as it was before the switch")
            return True
        now = file.read()
        if now == old:
            return False
        if checksum(now) == known["after"]:
            write_whole(file.path, old)
            return True
        keys = ", ".join(file.keys)
        resolved = f"only {keys} went back, the rest stayed"
        try:
            restored = file.restored(now, old)
        except LiteliftError as error:
            restored, resolved = old, f"it went back whole, for {error.message}"
        if restored == now:
            return False
        changed = kept.with_name(f"{kept.name}.changed")
        _keep(changed, now, file.path)
        write_whole(file.path, restored)
        context.issue(
            f"somebody has changed {file.name} since the switch", f"{resolved}; what they left is in {changed}"
        )
        return True


def _asked(context: Context, facts: Facts) -> list[tuple[ConfigurationFile, Facts]]:
    """The runbook's files with what is known of each. Raises ConfigurationError where it names others by now."""
    known = {found["path"]: found for found in facts["files"]}
    for file in files_of(context.runbook):
        if str(file.path) not in known:
            raise ConfigurationError(path=file.name, message="the runbook named other files when this step began")
    return [(file, known[str(file.path)]) for file in files_of(context.runbook)]


def _keep(path: Path, content: bytes, like: Path) -> None:
    """Write ``content`` to ``path``, with the mode and owner of the file ``like``."""
    facts = like.stat()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content, mode=0o600)
    if os.geteuid() == 0:
        os.chown(path, facts.st_uid, facts.st_gid)
    path.chmod(stat.S_IMODE(facts.st_mode))
