"""The evening of the move: one runbook, every step checked, timed, and reversible."""
