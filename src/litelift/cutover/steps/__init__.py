"""The steps of the runbook, in the order in which they are done."""

from __future__ import annotations

from litelift.cutover.step import Step


def all_steps() -> list[Step]:
    """Every step there is; a run takes those that its runbook asks for."""
    from litelift.cutover.steps.after import AfterCare
    from litelift.cutover.steps.archive import MakeArchive
    from litelift.cutover.steps.baseline import Baseline
    from litelift.cutover.steps.checks import ProjectChecks, SourceChecks, TargetChecks
    from litelift.cutover.steps.code import CodeUpdate
    from litelift.cutover.steps.compose import ComposeStep
    from litelift.cutover.steps.health import Health, HealthBefore, HealthOpen
    from litelift.cutover.steps.maintenance import MaintenanceOff, MaintenanceOn
    from litelift.cutover.steps.move import MakeSchema, MoveData
    from litelift.cutover.steps.ready import ReadyStep
    from litelift.cutover.steps.report import WriteReport
    from litelift.cutover.steps.server import ServerStep
    from litelift.cutover.steps.services import StartServices, StopServices
    from litelift.cutover.steps.source import KeepSource, SourceUnchanged
    from litelift.cutover.steps.switch import Switch
    from litelift.cutover.steps.written import MarkMoment

    return [
        ProjectChecks(),
        SourceChecks(),
        HealthBefore(),
        CodeUpdate(),
        ServerStep(),
        ComposeStep(),
        ReadyStep(),
        MakeSchema(),
        TargetChecks(),
        MaintenanceOn(),
        StopServices(),
        KeepSource(),
        MoveData(),
        SourceUnchanged(),
        MarkMoment(),
        Switch(),
        StartServices(),
        Health(),
        MaintenanceOff(),
        HealthOpen(),
        MakeArchive(),
        AfterCare(),
        Baseline(),
        WriteReport(),
    ]
