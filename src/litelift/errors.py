"""Every error that litelift raises: a class whose docstring is its message, its exit status, and a hint.

The exit statuses are stable: 1 means that the work failed, 2 that the words of the command or a plan file are wrong.
Both mean that nothing was left half done in the target.
"""

from __future__ import annotations

from string import Formatter


class LiteliftError(Exception):
    """{message}"""

    exit_code = 1
    hint = ""

    def __init__(self, *, hint: str | None = None, **facts: object) -> None:
        """Fill the class docstring's fields with ``facts``; ``hint`` replaces the class's own hint."""
        template = (type(self).__doc__ or "{message}").strip()
        message = template.format(**facts)
        raw = self.hint if hint is None else hint
        wanted = {name for _, name, _, _ in Formatter().parse(raw) if name}
        self.hint = raw.format(**facts) if hint is None and wanted else raw
        self.facts = facts
        self.message = message
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the facts: errors come back from worker processes."""
        return (_rebuild, (type(self), self.hint, self.facts))


def _rebuild(kind: type[LiteliftError], hint: str, facts: dict[str, object]) -> LiteliftError:
    return kind(hint=hint, **facts)


# --------------------------------------------------------------------- the words of the command


class UsageError(LiteliftError):
    """{message}"""

    exit_code = 2


class SourceNotFound(UsageError):
    """there is no file {path}"""

    hint = "Check the path; litelift reads a SQLite file given as a path or as sqlite:///path."


class SourceIsDirectory(UsageError):
    """{path} is a directory, not a SQLite file"""

    hint = "Name the file inside it."


class SourceNotFile(UsageError):
    """{path} is {kind}, not a SQLite file"""

    hint = "Name the database file itself; litelift reads it in place, again and again."


class PlanFileError(UsageError):
    """{path}:{line}: {message}"""

    hint = "Mend that line, or make a fresh plan with: litelift plan SRC -o plan.toml"


class RunbookError(UsageError):
    """{path}:{line}: {message}"""

    hint = "Mend that line, or make a fresh file with: litelift cutover init"


# --------------------------------------------------------------------- the source


class SourceError(LiteliftError):
    """{path}: {message}"""


class NotADatabase(SourceError):
    """{path} is not a SQLite database: {message}"""

    hint = "Check that this is the application's database file, and not a dump or an encrypted copy."


class SourceEncrypted(SourceError):
    """{path} is not a readable SQLite database: its header looks encrypted"""

    hint = "Export it with the application's key first (SQLCipher: ATTACH ... KEY ''; SELECT sqlcipher_export(...))."


class SourceTruncated(SourceError):
    """{path} is cut short: its header says {expected} bytes; the file has {actual}"""

    hint = "Copy the file again, or restore it from a backup; litelift does not move half a database."


class SourceCorrupt(SourceError):
    """{path} is corrupt: {message}"""

    hint = "Restore a backup, or salvage it with: sqlite3 {path} .recover | sqlite3 mended.sqlite"


class SourceTooNew(SourceError):
    """{path} needs a newer SQLite than {version}: {message}"""

    hint = "Run litelift with a Python that is built on a newer SQLite."


class SourceLocked(SourceError):
    """{path} is locked by another program"""

    hint = "Stop the program that writes to it (or wait until it has finished), and run litelift again."


class SourceUnreadable(SourceError):
    """{path} cannot be read: {message}"""

    hint = "Check the file's permissions, and those of its directory."


class SourceChanged(SourceError):
    """{path} is not as it was when the move began on {began}: {what}"""

    hint = (
        "What was loaded is of the older state. Keep the application from writing, take the move back, and begin "
        "anew: {undo}"
    )


class DdlError(LiteliftError):
    """{message} at character {position} of: {sql}"""

    hint = "SQLite accepted this and litelift does not: please report it with the CREATE statement."


# --------------------------------------------------------------------- the target


class TargetError(LiteliftError):
    """{message}"""


class TargetUnreachable(TargetError):
    """cannot connect to PostgreSQL at {where}: {message}"""

    hint = (
        "Check host, port and database; "
        "or use the embedded PostgreSQL: leave the target out (in a runbook: kind = 'embedded')."
    )


class TargetAuthFailed(TargetError):
    """PostgreSQL at {where} refused the login: {message}"""

    hint = "Check the user and the password (PGPASSWORD, ~/.pgpass or PGPASSFILE work as with psql)."


class TargetTooOld(TargetError):
    """PostgreSQL {version} at {where} is too old; litelift needs 12 or newer"""

    hint = "Upgrade the server, or use the embedded PostgreSQL: leave the target out (in a runbook: kind = 'embedded')."


class TargetEncoding(TargetError):
    """the database {database} has encoding {encoding}; litelift needs UTF8"""

    hint = "Make one with: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0"


class TargetRights(TargetError):
    """the role {role} may not {action}"""

    hint = "Ask the owner for: {grant}"


class TargetReadOnly(TargetError):
    """the database {database} takes no writes: {message}"""

    hint = "Name the primary server, or a database that may be written to."


class TargetFull(TargetError):
    """PostgreSQL has no room left: {message}"""

    hint = "Make room on the server's disk, and run the command again (with --resume where something stays)."


class TargetTooSmall(TargetError):
    """the server's disk is too small: {free} are free in {folder}, and the move takes {need}"""

    hint = "Make room there, or leave tables out in the plan (exclude = true). Nothing has been written."


class TargetConnections(TargetError):
    """PostgreSQL lets this role open {free} more connections ({bound}), and the move needs {need}"""

    hint = "Wait for others to leave, or ask for more: ALTER ROLE ... CONNECTION LIMIT, or max_connections."


class TargetLocks(TargetError):
    """PostgreSQL's lock table is full: {message}"""

    hint = (
        "Raise the server's max_locks_per_transaction (postgresql.conf, or ALTER SYSTEM SET; it takes a restart), or "
        "wait for others who work on many tables, and run the command again (with --resume where something stays)."
    )


class TargetLost(TargetError):
    """the connection to PostgreSQL was lost: {message}"""

    hint = "See in the server's log why, and run the command again (with --resume where something stays)."


class TargetNotEmpty(TargetError):
    """the schema {schema} is not empty; it holds {objects}"""

    hint = (
        "If these are the application's own (empty or seeded) tables, fill them with --data-only; "
        "else name another schema in the plan ([defaults] schema = ...) or another database."
    )


class TargetBusy(TargetError):
    """another litelift is working on {database} (the server's process {pid}{who})"""

    hint = "Wait until it has finished; if it is gone for good, end its session: SELECT pg_terminate_backend({pid})"


class Unfinished(TargetError):
    """{database} holds a move of {path} that began on {began} and did not end: {done}"""

    hint = "Go on with it: {again}   or take it back: {undo}"


class NotThatMove(TargetError):
    """the unfinished move in {database} is another: {message}"""

    hint = "Go on with that one: {again}   or take it back: {undo}"


class PlanChanged(TargetError):
    """the move that began on {began} was decided otherwise: {what}"""

    hint = "Use the plan file and the options that it began with; or take it back, and begin anew: {undo}"


class TargetChanged(TargetError):
    """the move that began on {began} cannot be gone on with: {what}"""

    hint = "Take back what is left of it, and begin anew: {undo}"


class Superseded(TargetError):
    """another litelift has gone on with this move in {database}"""

    hint = "Wait for that one; this one has left everything to it."


class MissingTables(TargetError):
    """the target has no place for: {tables}"""

    hint = 'Create them, or say in the plan: [defaults] missing_tables = "create" or "skip", or exclude = true.'


class MissingColumns(TargetError):
    """the target has no column for: {columns}"""

    hint = "Add the columns to the target, or say exclude = true (or name = ...) for them in the plan."


class MissingValues(TargetError):
    """the target wants a value for {columns}, and the source has none"""

    hint = "Give them a DEFAULT in the target (or let them be NULL) for the move, or say name = ... in the plan."


class AmbiguousName(TargetError):
    """{name} matches more than one in the target: {candidates}"""

    hint = "Say which one with name = ... in the plan."


class MissingExtension(TargetError):
    """the target needs the extension {extension}"""

    hint = "Ask an administrator for: CREATE EXTENSION {extension}"


class TooManyColumns(TargetError):
    """{table} has {columns} columns; PostgreSQL holds at most 1,600"""

    hint = "Exclude some in the plan, or split the table before the move."


class EmbeddedServerError(TargetError):
    """the embedded PostgreSQL in {folder} did not {action}: {message}"""

    hint = "Look at the file log in that folder."


# --------------------------------------------------------------------- the decisions


class MisfitsFound(LiteliftError):
    """{count} values do not fit, and the plan says fail: {examples}"""

    hint = "Mend them in the source, or use --on-misfit widen or quarantine."


class UnmappedValues(LiteliftError):
    """{table}.{column} holds values that its map in the plan does not name: {values}"""

    hint = 'Add them to values = {{ ... }}, or say unmapped = "keep" or "quarantine" there.'


class Untranslatable(LiteliftError):
    """cannot translate to PostgreSQL: {reason}: {sql}"""

    hint = "Write it in PostgreSQL's SQL by hand after the move."


class DuplicateKeys(LiteliftError):
    """{table}: the target's {constraint} does not allow what the source holds: {examples}"""

    hint = "Mend the duplicates in the source, or drop that constraint in the target before the move."


# --------------------------------------------------------------------- the move


class LoadFailed(LiteliftError):
    """loading {table} failed: {message}"""

    hint = "Nothing was kept in the target. Run with --verbose for the details."


class NoRoom(LiteliftError):
    """no room left for temporary files in {folder}: {message}"""

    hint = (
        "Make room there, or name another folder with TMPDIR=..., and run the command again (with --resume where "
        "something stays)."
    )


class WorkerDied(LiteliftError):
    """a worker process ended in the middle of its work"""

    hint = (
        "It was killed, perhaps for lack of memory. Run the command again with fewer --jobs (and --resume where "
        "something stays)."
    )


class Unexpected(LiteliftError):
    """something that litelift does not know went wrong: {message}"""

    hint = "Please report it, with what --verbose prints."


class RunNotFound(UsageError):
    """{where} holds no report of a litelift run"""

    hint = "Name the target's URL, the report's folder, or its report.json."


# --------------------------------------------------------------------- undo


class NothingToUndo(UsageError):
    """{where} holds no run of litelift that could be undone"""

    hint = "Name the database that was moved into; litelift undo removes what a move made there, and nothing else."


class RunNotNamed(UsageError):
    """{message}; there are: {runs}"""

    hint = "Name one with --run and the beginning of its id."


class NotUndoable(LiteliftError):
    """the run {run} cannot be undone: {reason}"""

    hint = "Nothing was removed."


class DependantsFound(TargetError):
    """something else depends on what would be removed: {objects}"""

    hint = "Nothing of that is litelift's. Move or drop it first, if it may go, and run the same command again."


class TargetInUse(TargetError):
    """other sessions hold what would be removed: {sessions}"""

    hint = "Stop the application that works with these tables, and run the same command again."


class NotConfirmed(UsageError):
    """{command} asks before it begins, and there is no terminal to ask at"""

    hint = "Run it in a terminal, or add --yes. Nothing was done."


class Declined(LiteliftError):
    """nothing was done: {message}"""


# --------------------------------------------------------------------- the runbook


class MissingPart(LiteliftError):
    """{what} needs {package}, which is not installed"""

    hint = "Install it with: pip install 'litelift[cutover]'"


class CommandFailed(LiteliftError):
    """the command "{command}" {how}"""


class StepFailed(LiteliftError):
    """phase {phase}, {step}: {message}"""


class CutoverHeld(LiteliftError):
    """another litelift works on this runbook: {who}"""

    hint = "Wait until it has ended. See how far it is with: litelift cutover status"


class CutoverUnfinished(LiteliftError):
    """a run of this runbook has not come to its end ({state}, run {number})"""

    hint = "Go on with it by --resume, or go back with: litelift cutover rollback {path}"


class CutoverFinished(LiteliftError):
    """the application was moved already, in run {number} of this runbook"""

    hint = "To move it again, go back first: litelift cutover rollback {path}"


class NothingToResume(LiteliftError):
    """there is no run of this runbook that could be gone on with"""

    hint = "Begin one with: litelift cutover {path}"


class NothingToRollBack(LiteliftError):
    """there is no run of this runbook that could be taken back"""

    hint = "See what was done with: litelift cutover status {path}"


class RunbookChanged(UsageError):
    """{path} names another source or target than when this run began"""

    hint = "Put its [source], [target] and move.mode back as they are in {kept}, and run it again."


class RollbackRefused(LiteliftError):
    """the rows written to PostgreSQL since the switch could not be exported, so nothing was undone: {message}"""

    hint = "The application serves on PostgreSQL. To go back without them: litelift cutover rollback --without-export"


class RollbackIncomplete(LiteliftError):
    """{number} of the steps back could not be done; nothing of PostgreSQL was removed"""

    hint = "Mend what is named below, and run it again: litelift cutover rollback"


class CheckFailed(LiteliftError):
    """{message}"""


class SourceWrittenTo(LiteliftError):
    """the source was written to while it was moved ({how}): a writer goes on in spite of the maintenance"""

    hint = "Stop it (crons, queue workers, another host), add it to services.stop, and run the cutover again."


class SourceKeptBroken(LiteliftError):
    """the kept copy of the source, {path}, is not what was kept: expected SHA-256 {expected}; got {actual}"""

    hint = "The source itself was left as it is. Restore it from the archive or a backup."


class AttentionFound(LiteliftError):
    """the data is moved and proved, but something needs a person, and move.attention is "stop": {message}"""

    hint = 'See the report; mend the source, or decide in the plan; or set move.attention = "continue".'


class ExportFailed(LiteliftError):
    """what was written to PostgreSQL since the switch cannot be read: {message}"""

    hint = (
        "Nothing was undone. Mend that and run the command again; or save the database yourself (pg_dump), and roll "
        "back with --without-export."
    )


class MarkLost(LiteliftError):
    """what was written since the switch cannot be told apart in {database}: the mark of {at} fails, for {why}"""

    hint = (
        "Nothing was undone. Compare by content with the kept SQLite file (litelift verify KEPT TARGET), save the "
        "database (pg_dump), and roll back with --without-export."
    )


class ArchiveFailed(LiteliftError):
    """the archive {path} cannot be written: {message}"""

    hint = "Nothing of it is left. Make room, or name another place ([archive] folder, or --output), and run it again."


class ArchiveDamaged(LiteliftError):
    """the archive {path} is not what was put into it: {message}"""

    hint = (
        "Use another copy of it. Where what was put into it is still there, delete nothing of that, and make it anew; "
        "and look at the disk."
    )


class ArchiveTooNew(LiteliftError):
    """the archive {path} is of a later litelift ({version}), in a format {format} that this one does not know"""

    hint = "Use that litelift; or take out what you need with tar -xzf, and compare it by sha256sum with MANIFEST.json."


class NotInArchive(UsageError):
    """there is no {name} in the archive {path}"""

    hint = "It is empty."


class ExtractFailed(LiteliftError):
    """{path} cannot be taken out of the archive {archive}: {message}"""

    hint = "Nothing new is there, and what was there before is as it was. Mend that, and run it again."


class NameTaken(TargetError):
    """there is {what} already: {found}"""

    hint = "Nothing of it was touched. Choose another name in [target], or remove it if nobody needs it."


class EngineUnreachable(TargetError):
    """no container engine answers at {where}: {message}"""

    hint = (
        "Start Docker (or: systemctl start podman.socket), and see that this user may use it; name its socket by "
        '[target] engine = "unix:///..." or DOCKER_HOST.'
    )


class EngineRefused(TargetError):
    """the container engine could not {action}: {message}"""

    hint = "Look at the engine's own log; nothing that was there before was removed."


class ImageMissing(TargetError):
    """the image {image} is not there, and {message}"""

    hint = (
        "Get it onto this machine first (docker pull, or docker load of a saved one), or name another [target] image."
    )


class PortTaken(TargetError):
    """no port is free at {address}: {message}"""

    hint = "Name another one: [target] port = ..."


class ContainerFailed(TargetError):
    """the container {name} {message}"""


class ComposeFileError(LiteliftError):
    """{path}: {message}"""

    hint = "Mend it, or leave [target] compose out and add the service by hand."


class HealthCheckUnusable(UsageError):
    """the health check "{check}" cannot be made: {message}"""

    hint = "Mend it in the runbook, or make what it names."


class HealthChecksFailed(LiteliftError):
    """{failed} of {number} health checks failed: {message}"""

    hint = "See what the application's own log says of it."


class ConfigurationError(LiteliftError):
    """{path}: {message}"""

    hint = "This file was not changed. Mend it, or what [[environment]] says of it in the runbook."


# --------------------------------------------------------------------- backups


class BackupBusy(LiteliftError):
    """another litelift works in {folder}: {who}"""

    hint = "Wait until it has ended. What is there already: litelift backup list"


class BackupNotFound(UsageError):
    """there is no {name} among the backups in {folder}"""

    hint = "See what is there with: litelift backup list"


class NoBackup(BackupNotFound):
    """there is no {what} in {folder}"""

    hint = "Make one (litelift backup create), or name the folder in which they lie: --folder DIR"


class BackupAmbiguous(UsageError):
    """{number} backups in {folder} begin with {name}"""

    hint = "Say more of the name, such as {example}"


class BackupExists(UsageError):
    """there is a backup {name} in {folder} already"""

    hint = "It was not touched. Take the other out to a folder of its own, with --to."


class BackupDamaged(LiteliftError):
    """the backup {name} is not what was made: {message}"""

    hint = "Use another (litelift backup list), make a new one (litelift backup create), and look at the disk."


class BackupFailed(LiteliftError):
    """the backup could not be made: {message}"""

    hint = "Nothing of it is left, and the older backups are as they were."


class BackupDiskFull(BackupFailed):
    """the backup could not be made: there is not room enough on the disk of {folder} ({free} free)"""

    hint = (
        "Nothing of it is left, and the older backups are as they were. Make room, name another [backup] folder, "
        "or keep fewer: litelift backup prune --dry-run"
    )


class BackupToolMissing(LiteliftError):
    """there is no {program} for PostgreSQL {server}: {found}"""

    hint = "Install the client programs of that version, or name their folder under [backup] tools."


class BackupKey(LiteliftError):
    """none of the keys opens the backup {name}"""

    hint = "Name the file of the secret key that belongs to one of its recipients: --identity FILE"


class RestoreFailed(LiteliftError):
    """the backup {name} could not be restored: {message}"""

    hint = "What is served is as it was. Try an older one: litelift backup list"


class RestoreImpossible(RestoreFailed):
    """the backup {name} cannot be restored here: {message}"""

    hint = "That says nothing about the backup, and what is served is as it was. Mend that, and do it again."


class DrillFailed(LiteliftError):
    """the backup {name} was restored, and is not what was backed up: {message}"""

    hint = "Do not rely on it. Make a new one (litelift backup create), and drill that."


class DrillImpossible(LiteliftError):
    """the backup {name} cannot be restored for a drill here: {message}"""

    hint = "It may be as good as ever. Restore it beside the database: litelift backup drill --beside"


class SwitchRefused(LiteliftError):
    """nothing was put in the place of {live}: {message}"""

    hint = "Nobody was disturbed, and everything is as it was. Mend that, and do it again."


class SwitchBusy(LiteliftError):
    """{live} could not be freed in time: in the way is {message}"""

    hint = "{live} serves as before. Stop them, or give it more seconds, and do it again."


class SwitchFailed(LiteliftError):
    """the server refused to put {new} in the place of {live}: {message}"""

    hint = "{live} serves as before."


class SwitchUnknown(LiteliftError):
    """the server went away while {live} was switched: {message}"""

    hint = (
        "A whole database of that name is there, the old one or the restored one, once the server is. "
        "Which: see the comments of its databases (psql: \\l+), where the one that is kept is marked."
    )


class RowsRefused(LiteliftError):
    """the rows of the live tables were not replaced: {message}"""

    hint = "Nothing has changed. Mend that, or restore to a new database and copy by hand what you need."


class DatabaseExists(TargetError):
    """there is a database {database} already"""

    hint = "Nothing of it was touched. Name another with --to, or restore in its place with --over."


class KeepsNothing(UsageError):
    """the policy keeps nothing: each of its rules is 0"""

    hint = "Say what stays, under [backup.keep] or by an option such as --keep-days 30. Nothing was removed."


class BackupFolderMissing(LiteliftError):
    """there is no folder {folder}"""

    hint = "Mount the disk that it is on, or name the folder of the backups: [backup] folder, or --folder DIR."


class ScheduleRefused(UsageError):
    """this cannot be scheduled: {message}"""

    hint = "Nothing was installed. Give the file another name or place, or call litelift backup run by other means."


class ScheduleFailed(LiteliftError):
    """the schedule could not be {done}: {message}"""

    hint = "See what there is: litelift backup schedule --show"


class SchedulerMissing(LiteliftError):
    """there is no {what} here"""

    hint = (
        "Use --cron where cron is installed (apt-get install cron, dnf install cronie), "
        "or call litelift backup run each day by other means."
    )


# --------------------------------------------------------------------- copies of backups elsewhere


class ColdStorageUnusable(UsageError):
    """{place} cannot be used as a place for copies: {message}"""

    hint = "Mend it under [[backup.copy]] in litelift.toml, or in the words of the command."


class ColdStorageGone(LiteliftError):
    """{place} is not there: {message}"""

    hint = (
        "Mount it, or make that folder or bucket once by hand: litelift does not, lest a disk that is not mounted be "
        "taken for one. The backup itself was not touched."
    )


class ColdStorageRefused(LiteliftError):
    """{place} refuses this login, or what it asked for: {message}"""

    hint = (
        "Look at its credentials (options_env, the environment, the SSH agent or key) and at what they may do there. "
        "The backup itself was not touched."
    )


class ColdStorageFull(LiteliftError):
    """{place} takes no more: {message}"""

    hint = (
        "Make room there, or keep fewer copies ([backup.copy.keep]), and run the same command again: it goes on with "
        "what is missing. No unfinished copy is listed as one."
    )


class ColdStorageLost(LiteliftError):
    """the connection to {place} was lost, and {times} more attempts did not bring it back: {message}"""

    hint = "Run the same command again: it goes on with what is missing. No unfinished copy is listed as one."


class ColdStorageFailed(LiteliftError):
    """{place} failed: {message}"""

    hint = "Mend that, and run the same command again: it goes on with what is missing."


class HostKeyRefused(LiteliftError):
    """the SSH server {host} {message}"""

    hint = (
        "Compare that fingerprint with the server's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on it), then "
        "connect once with ssh, or: {scan}"
    )


class CopyNotFound(UsageError):
    """there is no whole copy {name} at {place}"""

    hint = "See what is there with: litelift backup copy --list"


class CopyTaken(LiteliftError):
    """there is another backup of the name {name} at {place}"""

    hint = "Nothing of it was touched. Give each machine a folder of its own there."


class CopyDamaged(LiteliftError):
    """the copy {name} at {place} is not what was copied: {message}"""

    hint = (
        "Copy it anew, which mends it: litelift backup copy --backup {name}. "
        "Where the backup is gone, use another copy."
    )


class BackupThere(UsageError):
    """there is a backup {name} in {folder} already"""

    hint = "Nothing was fetched. Name another --folder."


class BackupFolderUnusable(LiteliftError):
    """the folder of the backups cannot be used: {message}"""

    hint = "See that it is mounted and has room, and that this user may write to it: [backup] folder, or --folder DIR."


class BackupUnread(LiteliftError):
    """the backup {name} could not be read: {message}"""

    hint = "That says nothing about the backup, which may be as good as ever. Mend that, and do it again."


class BackupNotRecorded(LiteliftError):
    """{done}, but that could not be written down in {folder}: {message}"""

    hint = "The backups themselves are as they were. Make room, and do it again."


# --------------------------------------------------------------------- the watch


class SamplesTooNew(LiteliftError):
    """{path} was written by a newer litelift: its format is {version}; this one knows {known}"""

    hint = "Upgrade litelift; or move the file away, and a new one is begun."


class WatchBusy(LiteliftError):
    """another litelift watches here already: {who}"""

    hint = "One is enough; what it sees: litelift monitor check. To start another one, end it first."


class BaselineThere(UsageError):
    """a baseline of {at} is there already: {path}"""

    hint = "Checks compare with it. If what was normal then no longer is, take it anew: --force replaces it."


class ServeRefused(UsageError):
    """the dashboard cannot be served so: {message}"""

    hint = "See: litelift monitor serve --help, and [monitor.serve] in litelift.toml"


class SecretRefused(UsageError):
    """{what} cannot be used to let somebody in: {message}"""

    hint = "For instance: umask 077; openssl rand -hex 32 > token"


class AddressUnusable(LiteliftError):
    """the dashboard cannot listen at {where}: {message}"""

    hint = "Name another with --host, --port or --socket."
