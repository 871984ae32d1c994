"""Updates the application's code by its own commands, and knows the commit to go back to."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

from litelift.cutover.commands import shown
from litelift.cutover.context import Context
from litelift.cutover.step import Facts, Step, Undo
from litelift.errors import CheckFailed
from litelift.shorten import shortened

PATCH = "code-before-going-back.patch"


class CodeUpdate(Step):
    """The project's own commands; the git commit before and after."""

    name = "code"
    title = "Update the code"
    back = "Bring the code back to the recorded commit"
    phase = 1
    undo_stage = Undo.CODE
    early = True

    def wanted(self, context: Context) -> bool:
        """Not in a rehearsal, which leaves the serving application alone."""
        return not context.rehearsal

    def plan(self, context: Context) -> list[str]:
        """The commit now, and the commands."""
        commit = _git(context.runbook.folder, "rev-parse", "--short", "HEAD")
        return [f"from commit {commit}" if commit else "no git repository: the commit is not recorded"] + [
            shown(command) for command in context.runbook.code.update
        ]

    def estimate(self, context: Context) -> float:
        """Some seconds for each command."""
        return 10.0 * len(context.runbook.code.update)

    def check(self, context: Context) -> Facts:
        """The commit, and whether git could bring it back. Raises CheckFailed where it could not."""
        folder = context.runbook.folder
        commit = _git(folder, "rev-parse", "HEAD")
        if commit is None:
            return {"before": None}
        source = context.runbook.source_path
        if context.runbook.code.update and _git(folder, "ls-files", "--error-unmatch", "--", str(source)) is not None:
            raise CheckFailed(
                message=f"git holds the SQLite file {source}: an update of the code, or its way back, would replace it",
                hint=f"Take it out of git, and leave it where it is: git rm --cached {shlex.quote(str(source))}",
            )
        changed = (_git(folder, "status", "--porcelain", "--untracked-files=no") or "").splitlines()
        if changed and context.runbook.code.update:
            names = shortened([line.split(maxsplit=1)[-1] for line in changed], 5)
            raise CheckFailed(
                message=f"the code has changes that are not committed, which git could not go back to: {names}",
                hint="Commit them, or put them aside with: git stash",
            )
        return {"before": commit, "branch": _git(folder, "symbolic-ref", "--short", "-q", "HEAD")}

    def do(self, context: Context, facts: Facts) -> Facts:
        """Run code.update."""
        context.run(context.runbook.code.update)
        return {"after": _git(context.runbook.folder, "rev-parse", "HEAD")}

    def undo(self, context: Context, facts: Facts) -> Facts:
        """Check the recorded commit out again where another one is; what differs from a commit is kept as a patch."""
        folder, before = context.runbook.folder, facts.get("before")
        code = context.runbook.code
        if before is None:
            if code.update:
                context.run(code.undo)
            return {}
        now = _git(folder, "rev-parse", "HEAD")
        differs = bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))
        if code.update and (now != before or differs):
            if differs:
                patch = context.folder / "kept" / PATCH
                patch.parent.mkdir(parents=True, exist_ok=True)
                context.run([["git", "diff", "--binary", f"--output={patch}", "HEAD"]])
                context.issue("files of the code were changed since its update", f"the changes are kept in {patch}")
            if now not in (before, facts.get("after")):
                again = f"git -C {shlex.quote(str(folder))} branch after-the-cutover {now}"
                context.issue(f"the code has come to commit {now} since its update", f"to keep what is in it: {again}")
            branch = facts.get("branch")
            context.run([["git", "checkout", "--quiet", "--force", branch or before]])
            if branch:
                context.run([["git", "reset", "--quiet", "--hard", before]])
        if code.update:
            context.run(code.undo)
        return {"commit": _git(folder, "rev-parse", "HEAD")}


def _git(folder: Path, *words: str) -> str | None:
    """What git says of the folder; None where there is no git, or no repository."""
    # Without optional locks: looking must not refresh the index, which would be a write.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], env=environment, capture_output=True, text=True, timeout=60
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
