"""The server's settings: what each is, where that comes from, and how this login could change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import class_row

from litelift.monitor.advise.advice import Advice, Kind
from litelift.postgres.connect import Connection

# A value is that of the whole server, not what this session or its role has of it: reset_val is the role's, too.
_SETTINGS = """
    select name, reset_val as setting, unit, vartype as kind, context, source, sourcefile as file,
           case when source in ('session', 'client') then reset_val else current_setting(name, true) end as shown,
           pending_restart as pending, enumvals as choices
    from pg_settings
"""
_UNITS = {"B": 1, "kB": 2**10, "8kB": 2**13, "MB": 2**20, "16MB": 2**24}
MANAGED: dict[str, tuple[str, str]] = {
    "rds_superuser": ("Amazon RDS", "the instance's parameter group"),
    "cloudsqlsuperuser": ("Google Cloud SQL", "the instance's database flags"),
    "alloydbsuperuser": ("AlloyDB", "the instance's database flags"),
    "azure_pg_admin": ("Azure Database", "the server's parameters in the portal"),
    "neon_superuser": ("Neon", "the project's settings"),
    "supabase_admin": ("Supabase", "the project's database configuration"),
    "doadmin": ("DigitalOcean", "the cluster's configuration API"),
}
"""The roles by which managed servers are known, how those are called, and where their settings are changed."""
_OTHERS = {"command line": "the server's command line", "environment variable": "a variable of its environment"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as pg_settings has it."""

    name: str
    setting: str
    unit: str | None
    kind: str
    context: str
    source: str
    file: str | None
    """For those who may know it."""
    shown: str | None
    """As SHOW says it."""
    pending: bool
    """Whether another value waits for a restart."""
    choices: Sequence[str] | None

    @property
    def bytes(self) -> int:
        """An amount of memory in bytes; below 0 it is none."""
        value = int(self.setting)
        return value * _UNITS[self.unit or "B"] if value > 0 else value

    @property
    def comes_from(self) -> str:
        """Where its value comes from, in words."""
        if self.source == "default":
            return "the server's own default"
        return self.file or _OTHERS.get(self.source, self.source)


@dataclass(frozen=True)
class ServerSettings:
    """All of them, and how they may be changed."""

    by_name: Mapping[str, Setting]
    version: int
    user: str
    superuser: bool
    managed: tuple[str, str] | None
    """How the managed server is called, and where its settings are changed."""
    granted: frozenset[str] = frozenset()
    """Those that a login without a superuser's rights may change."""
    waiting: Mapping[str, str] | None = None
    """The values that wait for a restart; None where the login may not see them."""

    def __getitem__(self, name: str) -> Setting:
        """The setting of that name."""
        return self.by_name[name]

    def __contains__(self, name: str) -> bool:
        """Whether the server has it, and what is known is for all its sessions: not for this login's role alone."""
        found = self.by_name.get(name)
        return found is not None and found.source not in ("user", "database", "database user")

    def is_on(self, name: str) -> bool:
        """Whether a switch is on; one that the server does not have is."""
        return name not in self.by_name or self.by_name[name].setting == "on"

    def blocked(self, name: str) -> str | None:
        """Why ALTER SYSTEM does not change it here, and who could; None where it does."""
        setting = self.by_name[name]
        if self.managed is not None:
            return f"on {self.managed[0]} it is changed in {self.managed[1]}"
        if setting.source in _OTHERS:
            place = _OTHERS[setting.source]
            return f"it is given on {place}, which ALTER SYSTEM does not override: change it there"
        if "allow_alter_system" in self.by_name and not self.is_on("allow_alter_system"):
            return "allow_alter_system is off: whoever manages the server's configuration changes it there"
        if not self.superuser and name not in self.granted:
            return f"{self.user} may not change the server's settings: let a superuser run it"
        return None

    def advice(
        self,
        name: str,
        proposed: str,
        why: str,
        *,
        gain: str,
        weight: float,
        source: str,
        kind: Kind = "setting",
        values: Sequence[str] | None = None,
        blocked: str | None = None,
    ) -> Advice:
        """The advice to give a setting another value.

        Args:
            name: of the setting.
            proposed: its value, as it is written.
            why: with the numbers.
            gain: in words.
            weight: which ranks it.
            source: the section of the manual.
            kind: of the advice.
            values: of a setting that is a list, each by itself: one string would be one element.
            blocked: why a person is to do it, where nothing else is in the way.
        """
        setting = self.by_name[name]
        where = self.blocked(name)
        literals = sql.SQL(", ").join(sql.Literal(value) for value in values or (proposed,))
        change = sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), literals).as_string(None)
        elsewhere = self.managed is not None or setting.source in _OTHERS
        return Advice(
            kind,
            name,
            why,
            f"{setting.shown} (from {setting.comes_from})",
            proposed,
            gain,
            weight,
            () if elsewhere else (change, "SELECT pg_reload_conf()"),
            () if elsewhere else (_undo(setting), "SELECT pg_reload_conf()"),
            source,
            restart=setting.context == "postmaster",
            blocked=where or blocked,
        )


def read_settings(connection: Connection, *, superuser: bool) -> ServerSettings:
    """The settings of a connection's server. Raises psycopg.Error."""
    version = connection.info.server_version
    with connection.cursor(row_factory=class_row(Setting)) as cursor:
        found = {one.name: one for one in cursor.execute(_SETTINGS).fetchall()}
    roles = connection.execute("select rolname from pg_roles where rolname = any(%s)", (list(MANAGED),)).fetchall()
    # A plain server may have a role of such a name after a restore of another's.
    managed = MANAGED[roles[0][0]] if roles and not superuser else None
    granted: frozenset[str] = frozenset()
    if version >= 150000 and not superuser:
        rows = connection.execute(
            "select name from unnest(%s::text[]) name where has_parameter_privilege(name, 'ALTER SYSTEM')",
            (list(found),),
        ).fetchall()
        granted = frozenset(row[0] for row in rows)
    waiting = _waiting(connection, found) if superuser else None
    return ServerSettings(found, version, connection.info.user, superuser, managed, granted, waiting)


def _waiting(connection: Connection, found: Mapping[str, Setting]) -> dict[str, str]:
    names = [name for name, one in found.items() if one.pending]
    rows = connection.execute(
        "select name, setting from pg_file_settings where name = any(%s) order by seqno", (names,)
    ).fetchall()
    return {str(name): str(value) for name, value in rows}


def elements(words: str) -> list[str]:
    """The elements of a setting that is a list, as SplitDirectoriesString (utils/adt/varlena.c) parts them."""
    found: list[str] = []
    rest = words.strip()
    while rest:
        if rest.startswith('"'):
            part, end = "", 1
            while end < len(rest):
                if rest[end] == '"':
                    if rest[end + 1 : end + 2] != '"':
                        break
                    end += 1
                part += rest[end]
                end += 1
            rest = rest[end + 1 :].partition(",")[2].strip()
        else:
            part, _, rest = rest.partition(",")
            part, rest = part.strip(), rest.strip()
        found.append(part)
    return [part for part in found if part]


def _undo(setting: Setting) -> str:
    name = sql.Identifier(setting.name)
    if setting.file is not None and setting.file.endswith("postgresql.auto.conf"):
        values = elements(setting.setting) if setting.name == "shared_preload_libraries" else [setting.shown or ""]
        literals = sql.SQL(", ").join(map(sql.Literal, values)) if values else sql.Literal("")
        return sql.SQL("ALTER SYSTEM SET {} = {}").format(name, literals).as_string(None)
    return sql.SQL("ALTER SYSTEM RESET {}").format(name).as_string(None)
