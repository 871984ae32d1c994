"""The step that gives the compose file the same service."""

from __future__ import annotations

import difflib
import hashlib
from pathlib import Path
from typing import ClassVar

from litelift import errors
from litelift.atomic import write_whole
from litelift.cutover.context import Context
from litelift.cutover.credentials import kept_login
from litelift.cutover.server.compose_service import SECRET_FILE, sections
from litelift.cutover.server.splice import Unfit, parsed, spliced, unspliced
from litelift.cutover.settings import ContainerTarget
from litelift.cutover.step import Facts, Step, Undo


class ComposeStep(Step):
    """The compose file gets the container as a service; nothing that was in it changes."""

    name: ClassVar[str] = "compose"
    title: ClassVar[str] = "Put PostgreSQL into the compose file"
    back: ClassVar[str] = "Take PostgreSQL out of the compose file"
    phase: ClassVar[int] = 2
    undo_stage: ClassVar[Undo] = Undo.FILES

    def wanted(self, context: Context) -> bool:
        """Where the target is a container, and names a compose file."""
        target = context.runbook.target
        return isinstance(target, ContainerTarget) and target.compose is not None

    def plan(self, context: Context) -> list[str]:
        """What it would do."""
        path, target = _path(context), _target(context)
        return [
            f"add the service {target.service}, its volume and its secret to {path}; the old file is kept",
            f"keep the superuser's password in {path.with_name(SECRET_FILE)} (0600), which compose reads",
        ]

    def estimate(self, context: Context) -> float | None:
        """Seconds."""
        return 0.1

    def check(self, context: Context) -> Facts:
        """Look whether the file can take it, and decide what is added."""
        path = _path(context)
        old = _read(path)
        new = _with_service(context, path, old)
        secret = path.with_name(SECRET_FILE)
        if secret.exists():
            hint = "Move it away; compose would give its content to the new service."
            raise errors.ComposeFileError(path=secret, message="it is there already", hint=hint)
        return {
            "file": str(path),
            "kept": str(context.folder / "kept" / path.name),
            "secret": str(secret),
            "before": _sum(old),
            "after": _sum(new),
            "diff": _diff(path, old, new),
        }

    def do(self, context: Context, facts: Facts) -> Facts | None:
        """Keep the old file, write the password's, then the new one."""
        path, kept = Path(facts["file"]), Path(facts["kept"])
        now = _read(path)
        if _sum(now) == facts["after"]:
            return None
        if _sum(now) != facts["before"]:
            raise errors.ComposeFileError(path=path, message="somebody has changed it since it was looked at")
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, now, mode=path.stat().st_mode & 0o777)
        superuser = kept_login(Path(context.facts("server")["superuser_credentials"]))
        if superuser is None:
            raise errors.ComposeFileError(path=path, message="the superuser's password is gone")
        write_whole(Path(facts["secret"]), superuser.password.encode(), mode=0o600)
        write_whole(path, _with_service(context, path, now))
        secret = Path(facts["secret"]).name
        context.issue(f"{secret} holds a password beside {path.name}", "keep it out of version control")
        return None

    def confirm(self, context: Context, facts: Facts) -> Facts | None:
        """Look that the file on disk is the one that was decided."""
        path = Path(facts["file"])
        found = parsed(_read(path).decode("utf-8-sig"))
        if _sum(_read(path)) != facts["after"] or _target(context).service not in found["services"]:
            raise errors.ComposeFileError(path=path, message="it is not as it was written")
        return None

    def undo(self, context: Context, facts: Facts) -> Facts | None:
        """Put the old file back, if the new one is as it was left."""
        if not facts:
            return None
        path, kept, secret = Path(facts["file"]), Path(facts["kept"]), Path(facts["secret"])
        if not kept.exists():
            return {"restored": False}
        now = path.read_bytes() if path.exists() else b""
        found = {"restored": True}
        if _sum(now) == facts["after"]:
            write_whole(path, kept.read_bytes())
        elif _sum(now) != facts["before"]:
            found = {"restored": _take_out(context, path, now, kept, facts)}
        secret.unlink(missing_ok=True)
        return found


def _take_out(context: Context, path: Path, now: bytes, kept: Path, facts: Facts) -> bool:
    """Take the service out of a file that somebody has changed since; False where only a person can."""
    edited = kept.with_name(f"{kept.name}.edited")
    write_whole(edited, now, mode=0o600)
    message = f"{path} was changed by somebody since the cutover wrote it"
    both = f"as it was before the cutover: {kept}; as it was left by whoever changed it: {edited}"
    try:
        before = kept.read_bytes()
        result = unspliced(now.decode(), before.decode(), _with_service(context, path, before).decode())
        if result is not None:
            parsed(result)
            write_whole(path, result)
            context.issue(message, f"what the cutover added was taken out, and the rest left; {both}")
            return True
    except (UnicodeDecodeError, Unfit):
        pass
    context.issue(message, f"it stays as it is: take the service out by hand; {both}")
    return False


def _target(context: Context) -> ContainerTarget:
    target = context.runbook.target
    assert isinstance(target, ContainerTarget)
    return target


def _path(context: Context) -> Path:
    # A link stays one: what it leads to is written.
    return (context.runbook.folder / str(_target(context).compose)).resolve()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise errors.ComposeFileError(path=path, message=error.strerror or str(error)) from None


def _with_service(context: Context, path: Path, old: bytes) -> bytes:
    target = _target(context)
    try:
        text = old.decode()
        document = parsed(text)
        if document is not None and not hasattr(document, "keys"):
            raise Unfit("it is not a mapping")
        document = document or {}
        services = document.get("services")
        if services is not None and hasattr(services, "keys") and target.service in services:
            there = services[target.service]
            of = f" of {there['image']}" if hasattr(there, "keys") and there.get("image") else ""
            hint = (
                "Which of two sets of wishes holds is not litelift's to guess: name another [target] service, take "
                "that one out, or leave [target] compose out."
            )
            message = f"it has a service {target.service}{of} already"
            raise errors.ComposeFileError(path=path, message=message, hint=hint)
        return spliced(text, sections(target, context.facts("server"), document)).encode()
    except UnicodeDecodeError:
        raise errors.ComposeFileError(path=path, message="it is not UTF-8") from None
    except Unfit as error:
        raise errors.ComposeFileError(path=path, message=str(error)) from None


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _diff(path: Path, old: bytes, new: bytes) -> str:
    before, after = (data.decode().splitlines() for data in (old, new))
    # Without the lines around: they are somebody's own, and may hold what nobody should see.
    return "\n".join(difflib.unified_diff(before, after, f"{path.name} (before)", path.name, n=0, lineterm=""))
