"""What the checks found, as Prometheus' text format has it; names as "Metric and label naming" of its manual wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, get_args

from litelift import __version__
from litelift.errors import MissingPart
from litelift.monitor.finding import Finding, Measure, State
from litelift.monitor.samples import Standing
from litelift.monitor.words.kept import about, title

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

HINT = "Install it with: pip install 'litelift[monitor]'"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the text format that every version of Prometheus reads."""
STATES: tuple[State, ...] = get_args(State)


def exposition(found: Sequence[Standing], *, project: str = "", incidents: int = 0) -> bytes:
    """The metrics of what was found last.

    Args:
        found: what each check found last.
        project: how what is watched is called.
        incidents: how many are open.

    Raises:
        MissingPart: prometheus_client is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError:
        raise MissingPart(what="/metrics", package="prometheus_client", hint=HINT) from None

    class Collector:
        def collect(self) -> Iterator[Metric]:
            yield from _metrics(found, project, incidents)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    return generate_latest(registry)


def name_of(check: str, measure: Measure) -> str:
    """A measure's metric: in base units, so that a percentage is a ratio; a counter ends in _total."""
    name = f"{check}_{measure.name}".replace("-", "_")
    if measure.unit == "percent":
        name = name.removesuffix("_percent").removesuffix("_ratio") + "_ratio"
    elif measure.unit and not name.endswith(f"_{measure.unit}"):
        name += f"_{measure.unit}"
    if measure.counter:
        name = name.removesuffix("_total") + "_total"
    # An underscore at the end, or two of them, is no part of a name that people write.
    return f"litelift_{name}"


def value_of(measure: Measure) -> float:
    """A measure's value in its metric's unit."""
    return measure.value / 100 if measure.unit == "percent" else measure.value


def _metrics(found: Sequence[Standing], project: str, incidents: int) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

    server = next((one.finding for one in found if one.finding.check == "server"), None)
    version = str(server.facts.get("version", "")) if server is not None else ""
    info = InfoMetricFamily("litelift", "What is watched, and by what.")
    info.add_metric([], {"version": __version__, "project": project, "server_version": version})
    yield info
    if server is not None:
        yield _gauge("litelift_up", "Whether PostgreSQL answers.", [((), float(server.state != "critical"))])
    yield _gauge("litelift_incidents_open", "Incidents that are not over.", [((), float(incidents))])
    states = GaugeMetricFamily(
        "litelift_check_state",
        "1 for the state that a check is in, 0 for the others.",
        labels=("check", "object", "state"),
    )
    looks = GaugeMetricFamily(
        "litelift_check_last_look_timestamp_seconds", "When a check was last made.", labels=("check", "object")
    )
    for one in found:
        labels = (one.finding.check, one.finding.about)
        for state in STATES:
            states.add_metric((*labels, state), float(one.finding.state == state))
        looks.add_metric(labels, one.at.timestamp())
    yield states
    yield looks
    yield from _measured(one.finding for one in found)


def _measured(findings: Iterable[Finding]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    families: dict[str, Metric] = {}
    for finding in findings:
        for measure in finding.measures:
            name = name_of(finding.check, measure)
            if name not in families:
                kind = CounterMetricFamily if measure.counter else GaugeMetricFamily
                families[name] = kind(name, _help(finding.check, measure), labels=("object",))
            families[name].add_metric((finding.about,), value_of(measure))  # type: ignore[attr-defined]
    yield from families.values()


def _gauge(name: str, help_: str, samples: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    made = GaugeMetricFamily(name, help_)
    for labels, value in samples:
        made.add_metric(labels, value)
    return made


def _help(check: str, measure: Measure) -> str:
    words = measure.name.replace("_", " ")
    return f"{title(check)}, {words}. {about(check)}"
