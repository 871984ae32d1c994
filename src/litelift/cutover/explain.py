"""What broke in a step, in our words: the message of its failure, and what to do next."""

from __future__ import annotations

import errno
import os
import sqlite3

import psycopg

from litelift.cutover.context import Context
from litelift.cutover.step import Step
from litelift.errors import LiteliftError, StepFailed
from litelift.move.run import with_notes
from litelift.postgres.connect import stopped
from litelift.redact import text as redact
from litelift.sqlite.open import source_error


def step_failed(context: Context, step: Step, error: Exception) -> StepFailed:
    """The failure of a step, from what was raised in it."""
    message, hint = said(context, error)
    return with_notes(StepFailed(phase=step.phase, step=step.name, message=message, hint=hint), error)


def said(context: Context, error: Exception) -> tuple[str, str]:
    """What an error says, and its hint, without passwords."""
    if isinstance(error, psycopg.Error):
        error = stopped(error)
    elif isinstance(error, sqlite3.DatabaseError):
        error = source_error(context.runbook.source_path, error)
    if isinstance(error, LiteliftError):
        return redact(error.message), redact(error.hint)
    if isinstance(error, OSError) and error.filename is not None:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = (
            "Make room on that disk, and run the command again (with --resume where something stays)." if full else ""
        )
        return redact(f"{os.fsdecode(error.filename)}: {error.strerror}"), hint
    return redact(" ".join(str(error).split()) or type(error).__name__), ""
