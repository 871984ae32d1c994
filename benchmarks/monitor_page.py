"""The page of what the watch costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHECK_SECONDS = 1.0
CPU_PERCENT = 1.0
MEMORY_MB = 60.0
BUSY = 1.0
"""Processes that wait for each core: above it the seconds are the machine's, not the command's."""


def page(found: Mapping[str, Any]) -> str:
    """The page, in Markdown, of what `benchmarks.monitor` measured."""
    parts = [_HEAD.format(cores=found["cores"], python=found["python"])]
    if "check" in found:
        parts.append(_promises(found["check"], found["watch"], found["cores"]))
        parts.append(_SERVE.format(**found["serve"]))
    if "samples" in found:
        parts.append(_SAMPLES.format(**found["samples"]))
    return "\n".join(parts)


def _promises(check: Mapping[str, Any], watch: Mapping[str, Any], cores: int) -> str:
    busy = check["load"] > BUSY * cores
    rows = [
        ("`monitor check`: processor seconds of the command", check["processor_seconds"], CHECK_SECONDS, "s", False),
        ("`monitor check`: from its start to its end, median", check["seconds"], CHECK_SECONDS, "s", busy),
        ("`monitor check`: the longest", check["longest_seconds"], CHECK_SECONDS, "s", busy),
        ("`monitor watch`: of one core", watch["cpu_percent"], CPU_PERCENT, "%", False),
        ("`monitor watch`: most memory, children included", watch["most_memory_mb"], MEMORY_MB, "MB", False),
    ]
    lines = ["| | measured | at most | holds |", "|---|---:|---:|---|"]
    for what, value, limit, unit, unknown in rows:
        holds = "yes" if value < limit else "not known: the machine was busy" if unknown else "**no**"
        lines.append(f"| {what} | {value:g} {unit} | {limit:g} {unit} | {holds} |")
    lines += [
        "",
        f"The check was run {check['runs']} times, with {check['load']:g} processes that wanted a core meanwhile;"
        f" {check['checks_seconds']:g} s of the median are the checks themselves.",
        f"The watch was looked at for {watch['seconds']:g} s after its first look (load {watch['load']:g}).",
        "",
    ]
    return "\n".join(lines)


_HEAD = """\
# What the watch costs

Made by `python -m benchmarks.monitor SERVER --output docs/reference/monitor-cost.md`; do not edit.

Measured on {cores} cores, Python {python}, with the full demo's database (158 tables, 526 MB; `litelift demo --size
full`). Memory is what the system counts as resident, of the process and of all that it starts, files in memory included
that other processes share with it. MB are 1,000,000 bytes.
"""
_SERVE = """\
## The dashboard

`litelift monitor serve`, with nobody looking: {most_memory_mb:g} MB, {cpu_percent:g} % of one core.
"""
_SAMPLES = """\
## The samples file

After a simulated year of {series} series: **{size_mb:g} MB**, {most_mb:g} MB at most with its log. What is
older than a few days is rolled up; so only the last three days are simulated look by look, the others each ten minutes.
To keep a look takes {cpu_ms_of_a_look:g} ms of processor time; to read a day of a series for a chart,
{chart_of_a_day_ms:g} ms.
"""
