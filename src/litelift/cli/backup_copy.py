"""litelift backup copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from litelift.cli.backup_view import BackupView
from litelift.cli.backup_words import Folder, What, told_of
from litelift.cli.output import JsonFlag, Output, QuietFlag, VerboseFlag, headed
from litelift.errors import UsageError
from litelift.report.format import count, duration, moment, size

if TYPE_CHECKING:
    from litelift.backup.cold.copies import CopyThere
    from litelift.backup.cold.copying import CopiedTo
    from litelift.backup.cold.place import Place
    from litelift.backup.cold.upload import Copied
    from litelift.backup.signs import OnSign


def copy(
    what: What = None,
    folder: Folder = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--backup",
            "-b",
            metavar="NAME",
            help="Which backup; may be given several times. Left out: every good one that is not there yet.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="PLACE", help="The name of a [[backup.copy]]. Left out: all.", show_default=False),
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Show what is there; copy nothing.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read the copies back, every byte; copy nothing.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what [backup.copy.keep] does not keep; copy nothing.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --prune: say what would go.")] = False,
    fetch: Annotated[
        str | None,
        typer.Option("--fetch", metavar="NAME", help="Bring a copy back into --folder.", show_default=False),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL",
            help="A place that no litelift.toml names, for --list, --verify and --fetch.",
            show_default=False,
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", metavar="KEY=VALUE", help="With --from: what its file system takes.", show_default=False
        ),
    ] = None,
    option_env: Annotated[
        list[str] | None,
        typer.Option(
            "--option-env",
            metavar="KEY=VARIABLE",
            help="The same, the value being in an environment variable: a secret.",
            show_default=False,
        ),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Copy backups to the places of [[backup.copy]], and confirm the checksum of every piece there.

    What was interrupted is gone on with by the same command. With --fetch a copy comes back, whole or not at all, with
    nothing but its URL and the credentials if need be.
    """
    output = Output(json, quiet, verbose)
    with told_of(output, what, folder), BackupView(output.err, quiet or json) as view:
        if sum((show, verify, prune, fetch is not None)) > 1:
            raise UsageError(message="--list, --verify, --prune and --fetch are four commands; choose one")
        if dry_run and not prune:
            raise UsageError(message="--dry-run goes with --prune")
        if url is not None and not (show or verify or fetch):
            raise UsageError(message="--from goes with --list, --verify or --fetch")
        places = _places(what, to, url, _options(option), _pairs("--option-env", option_env))
        if fetch is not None:
            _fetch(output, what, folder, places, fetch, view)
        elif show:
            _list(output, places, view)
        elif verify:
            _verify(output, what, folder, places, names or [], view)
        elif prune:
            _prune(output, what, folder, places, view, dry_run=dry_run)
        else:
            _copy(output, what, folder, places, names or [], view)


def _places(
    what: str | None,
    to: list[str] | None,
    url: str | None,
    options: dict[str, str | bool],
    options_env: dict[str, str],
) -> list[Place]:
    from litelift.backup.cold.place import place_at, place_named, place_of
    from litelift.backup.subject import settings_of

    if url is not None:
        return [place_at(url, options, options_env)]
    if options or options_env:
        raise UsageError(message="--option and --option-env go with --from")
    settings = settings_of(what)
    if not settings.copy_to:
        raise UsageError(
            message="no [[backup.copy]] says where copies go",
            hint="Add one to litelift.toml: [[backup.copy]] with name and url, or name a place: --from URL",
        )
    return [place_named(settings, name) for name in to] if to else [place_of(copy) for copy in settings.copy_to]


def _options(words: list[str] | None) -> dict[str, str | bool]:
    truths = {"true": True, "false": False}
    return {key: truths.get(value, value) for key, value in _pairs("--option", words).items()}


def _pairs(flag: str, words: list[str] | None) -> dict[str, str]:
    found = {}
    for word in words or []:
        key, is_there, value = word.partition("=")
        if not is_there or not key:
            raise UsageError(message=f"{flag} takes KEY=VALUE")
        found[key] = value
    return found


def _copy(
    output: Output, what: str | None, folder: Path | None, places: list[Place], names: list[str], on_sign: OnSign
) -> None:
    from litelift.backup.cold.copying import copy_missing, copy_to
    from litelift.backup.subject import store_of

    store = store_of(what, folder)
    store.newest()
    results = []
    for place in places:
        chosen = [store.find(name) for name in names]
        results.append(copy_to(store, place, chosen, on_sign) if chosen else copy_missing(store, place, on_sign))
    failures = [failure for result in results for failure in result.failures]
    for result in results:
        _say(output, result)
    if failures:
        first, *others = failures
        for other in others:
            first.add_note(f"and: {other.message}")
        raise first
    if output.json:
        output.document({"places": [_document(result) for result in results], "exit_code": 0})


def _say(output: Output, result: CopiedTo) -> None:
    place = result.place.name
    if not result.done and not result.failures:
        output.say(f"{place}: every good backup is there already")
    for done in result.done:
        if done.already:
            output.say(headed("There: ", f"{done.backup} at {place}: {size(done.bytes)}"))
            continue
        output.say(
            Text.assemble(
                ("Copied: ", "bold"), f"{done.backup} to {place}: {size(done.bytes)} in {duration(done.seconds)}"
            )
        )
        if not output.quiet:
            output.say(f"  {_pieces(done)}")


def _pieces(done: Copied) -> str:
    said = f"{count(done.sent, 'piece')} sent"
    if done.found:
        said += f", {done.found:,} there from before"
    ways = {"read": "read back", "server": "by the server's checksum"}
    confirmed = [f"{number:,} {ways[how]}" for how, number in done.confirmed.items() if number]
    lost = f"; the connection was lost {count(done.losses, 'time')}" if done.losses else ""
    return f"{said}; confirmed: {', '.join(confirmed)}{lost}"


def _document(result: CopiedTo) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "place": result.place.name,
        "url": result.place.url,
        "backups": [asdict(done) for done in result.done],
    }


def _list(output: Output, places: list[Place], on_sign: OnSign) -> None:
    from litelift.backup.cold.copies import copies
    from litelift.backup.cold.link import Link

    documents = []
    for place in places:
        with Link(place, on_sign) as link:
            found = copies(link)
        documents.append({"place": place.name, "url": place.url, "copies": [_shown(copy) for copy in found]})
        output.say(Text(str(place), style="bold"), *([] if found else ["  nothing"]))
        for copy in found:
            when = f"  {moment(copy.started)}" if copy.started else ""
            state = "proved by a drill" if copy.proved else "good" if copy.good else copy.damage or "its drill failed"
            output.say(f"  {copy.name}  {size(copy.bytes)}{when}  {state}")
    if output.json:
        output.document({"places": documents, "exit_code": 0})


def _shown(copy: CopyThere) -> dict[str, Any]:
    return {
        "name": copy.name,
        "started": copy.started,
        "copied": copy.index.copied if copy.index is not None else None,
        "project": copy.index.project if copy.index is not None else None,
        "database": copy.index.database if copy.index is not None else None,
        "kind": copy.index.kind if copy.index is not None else None,
        "bytes": copy.bytes,
        "whole": copy.whole,
        "good": copy.good,
        "proved": copy.proved,
        "damage": copy.damage,
    }


def _verify(
    output: Output, what: str | None, folder: Path | None, places: list[Place], names: list[str], on_sign: OnSign
) -> None:
    from litelift.backup.cold.copies import copies
    from litelift.backup.cold.copying import verify_copy
    from litelift.backup.cold.link import Link
    from litelift.backup.subject import store_of
    from litelift.errors import CopyDamaged

    store = store_of(what, folder)
    documents: list[dict[str, Any]] = []
    damaged = []
    for place in places:
        with Link(place, on_sign) as link:
            for name in names or [copy.name for copy in copies(link) if copy.index is not None]:
                try:
                    there = verify_copy(link, store, name)
                except CopyDamaged as error:
                    damaged.append(error)
                    continue
                documents.append({"place": place.name, "name": there.name, "bytes": there.bytes, "ok": True})
                output.say(
                    Text.assemble(
                        ("Verified: ", "bold"),
                        f"{there.name} at {place.name}: {size(there.bytes)}, every byte as it was copied",
                    )
                )
    if damaged:
        first, *others = damaged
        for other in others:
            first.add_note(f"and: {other.message}")
        raise first
    if output.json:
        output.document({"copies": documents, "exit_code": 0})


def _prune(
    output: Output, what: str | None, folder: Path | None, places: list[Place], on_sign: OnSign, *, dry_run: bool
) -> None:
    from litelift.backup.cold.copying import prune_copies
    from litelift.backup.cold.link import Link
    from litelift.backup.subject import label_of, store_of

    documents = []
    for place in places:
        with Link(place, on_sign) as link:
            done = prune_copies(link, store_of(what, folder), project=label_of(what), dry_run=dry_run)
        kept = [decision.member.name for decision in done.decisions if decision.keep]
        documents.append({"place": place.name, "removed": done.removed, "kept": kept, "freed_bytes": done.bytes})
        if not output.quiet:
            word = "would go" if dry_run else "removed"
            for decision in done.decisions:
                output.say(f"  {decision.member.name}  {'kept' if decision.keep else word}  {decision.why}")
            output.say(*(f"  {copy.name}  left alone  {copy.damage}" for copy in done.left_alone))
        going = "would be removed" if dry_run else "removed"
        output.say(f"{place.name}: {count(len(done.removed), 'copy', 'copies')} {going}, {size(done.bytes)}")
    if output.json:
        output.document({"dry_run": dry_run, "places": documents, "exit_code": 0})


def _fetch(
    output: Output, what: str | None, folder: Path | None, places: list[Place], name: str, on_sign: OnSign
) -> None:
    from litelift.backup.cold.fetch import fetch_from
    from litelift.backup.subject import store_of

    place, made = fetch_from(places, name, store_of(what, folder), on_sign)
    if output.json:
        known = {"name": made.name, "folder": str(made.folder), "bytes": made.read().bytes}
        output.document({**known, "place": place.name, "exit_code": 0})
    output.say(
        Text.assemble(
            ("Fetched: ", "bold"), f"{made.name} from {place.name}: {size(made.read().bytes)}, equal to its manifest"
        ),
        f"  {made.folder}",
    )
