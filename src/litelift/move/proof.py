"""The comparison of all tables, in pieces that the crew shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from litelift.move import tasks
from litelift.move.crew import Crew
from litelift.plan.match import TableMatch
from litelift.postgres.connect import Connection
from litelift.prove.pieces import Piece, TableSums, combine, divide, terms_for
from litelift.prove.target import exported
from litelift.result import TableProof


def compare_tables(
    crew: Crew,
    connection: Connection,
    matches: Sequence[TableMatch],
    *,
    run: str | None,
    limit: int | None,
    live: bool,
    tell: Callable[[str, int], None],
    others: Callable[[], object] | None = None,
) -> list[TableProof]:
    """Compare every row of every table.

    Args:
        crew: the workers.
        connection: to the target.
        matches: the tables.
        run: the run whose quarantine answers for values (None: the newest that touched the table).
        limit: how many differences of each table are kept; None keeps all.
        live: others may write to the target meanwhile, so that all workers need one snapshot of it.
        tell: gets a source table and the number of its rows compared since the last call.
        others: waits for those who change tables meanwhile, one at a time each or several in one transaction. Tables
            that are compared alone can be so beside them; several in one transaction come after, for each side might
            hold what the other waits for.
    """
    with ExitStack() as stack:
        snapshot = stack.enter_context(exported(connection)) if live and crew.parallel else None
        terms = terms_for(run, snapshot)
        pieces = divide(crew.worker.source.connection, connection, matches, crew.jobs)
        sums = {match.source: TableSums() for match in matches}
        current: str | None = None

        def on_rows(rows: int) -> None:
            if current is not None:
                tell(current, rows)

        def announced(share: list[Piece]) -> Iterator[tasks.ProveTask]:
            nonlocal current
            for piece in share:
                current = piece.matches[0].source if len(piece.matches) == 1 and not crew.parallel else None
                yield tasks.ProveTask(terms, piece)

        alone = [piece for piece in pieces if len(piece.matches) == 1]
        for share in (alone, [piece for piece in pieces if len(piece.matches) > 1]):
            for task, found in crew.run(tasks.prove, announced(share), on_rows):
                for match, part in zip(task.piece.matches, found, strict=True):
                    sums[match.source] += part
                    if current is None:
                        tell(match.source, part.read)
            if others is not None and share is alone:
                others()
        combined = ((match.source, combine(match, sums[match.source])) for match in matches)
        proofs = {name: proof for name, proof in combined if proof is not None}
        unlike = [tasks.LookTask(terms, match, limit) for match in matches if match.source not in proofs]
        for look, proof in crew.run(tasks.look, unlike):
            proofs[look.match.source] = proof
    return [proofs[match.source] for match in matches]
