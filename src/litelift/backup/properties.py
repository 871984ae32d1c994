"""What a database is as a whole: its owner, locale, rights and settings, which no pg_dump of it holds."""

from __future__ import annotations

from typing import Any, Literal

from psycopg.rows import dict_row
from pydantic import Field

from litelift.backup.manifest import Part
from litelift.backup.rights import Label, Setting, setting_of
from litelift.postgres.connect import Connection

Provider = Literal["libc", "icu", "builtin"]
_PROVIDERS: dict[str, Provider] = {"c": "libc", "i": "icu", "b": "builtin"}


class Grant(Part):
    """A right on the database."""

    grantor: str
    grantee: str | None
    """None: PUBLIC, everybody."""
    privilege: Literal["CREATE", "CONNECT", "TEMPORARY"]
    grantable: bool


class DatabaseProperties(Part):
    """What a database is as a whole."""

    name: str
    owner: str
    encoding: str
    provider: Provider
    """Of the locale: always libc before PostgreSQL 15."""
    collate: str
    """LC_COLLATE."""
    ctype: str
    locale: str | None = None
    """Of ICU or of PostgreSQL's own; None with libc."""
    icu_rules: str | None = None
    collation_version: str | None = None
    """That of the library by which its indexes are sorted."""
    tablespace: str
    grants: list[Grant]
    """All, those that every database has from the beginning too."""
    connection_limit: int
    """-1: none."""
    settings: list[Setting] = Field(default_factory=list)
    """ALTER DATABASE SET, and ALTER ROLE IN DATABASE SET with the role."""
    comment: str | None = None
    labels: list[Label] = Field(default_factory=list)
    is_template: bool = False
    allow_connections: bool = True

    @property
    def words(self) -> str:
        """Its locale, as a person reads it: "icu az-Latn", "libc C.UTF-8"."""
        return locale_words(self.provider, self.locale or self.collate, self.ctype)


# to_jsonb() reaches the columns that only newer servers have: datlocprovider, daticulocale and datcollversion (15),
# daticurules (16), datlocale (17, once daticulocale).
_READ = """
select d.datname as name, pg_get_userbyid(d.datdba) as owner, pg_encoding_to_char(d.encoding) as encoding,
       d.datcollate as collate, d.datctype as ctype, t.spcname as tablespace, d.datconnlimit as connection_limit,
       d.datistemplate as is_template, d.datallowconn as allow_connections,
       shobj_description(d.oid, 'pg_database') as comment, to_jsonb(d) - 'datacl' as row,
       (select json_agg(json_build_object('provider', l.provider, 'label', l.label) order by l.provider)
        from pg_shseclabel l where l.classoid = 'pg_database'::regclass and l.objoid = d.oid) as labels,
       (select json_agg(json_build_object(
                    'grantor', pg_get_userbyid(a.grantor), 'privilege', a.privilege_type,
                    'grantee', case when a.grantee <> 0 then pg_get_userbyid(a.grantee) end,
                    'grantable', a.is_grantable)
                order by a.grantee <> 0, pg_get_userbyid(a.grantee) collate "C",
                         pg_get_userbyid(a.grantor) collate "C", a.privilege_type)
        from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a) as grants,
       (select json_agg(json_build_array(r.rolname, c.entry) order by r.rolname collate "C" nulls first, c.place)
        from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole
        cross join unnest(s.setconfig) with ordinality c(entry, place)
        where s.setdatabase = d.oid and (s.setrole = 0 or r.oid is not null)) as settings
from pg_database d join pg_tablespace t on t.oid = d.dattablespace where d.datname = %s
"""


def locale_words(provider: str, locale: str, ctype: str) -> str:
    """A locale, as a person reads it."""
    return f"{provider} {locale}" if provider != "libc" or ctype == locale else f"{provider} {locale} (ctype {ctype})"


def capture_properties(connection: Connection) -> DatabaseProperties:
    """What the connection's database is as a whole. Any login may read that."""
    properties = read_properties(connection, connection.info.dbname)
    assert properties is not None
    return properties


def read_properties(connection: Connection, name: str) -> DatabaseProperties | None:
    """What a database of the server is as a whole; None where there is none."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found: dict[str, Any] | None = cursor.execute(_READ, (name,)).fetchone()
    if found is None:
        return None
    row = found.pop("row")
    return DatabaseProperties(
        **{
            **found,
            "provider": _PROVIDERS[row.get("datlocprovider", "c")],
            "locale": row.get("datlocale") or row.get("daticulocale"),
            "icu_rules": row.get("daticurules"),
            "collation_version": row.get("datcollversion"),
            # -2 marks one whose removal was cut off.
            "connection_limit": max(found["connection_limit"], -1),
            "labels": found["labels"] or [],
            "grants": found["grants"] or [],
            "settings": [setting_of(entry, role) for role, entry in found["settings"] or []],
        }
    )


def effective_grants(properties: DatabaseProperties, owner: str) -> list[Grant]:
    """Its rights once it is ``owner``'s: what the owner had, granted and was granted goes along."""

    def mapped(name: str) -> str:
        return owner if name == properties.owner else name

    grants = [
        grant.model_copy(
            update={
                "grantor": mapped(grant.grantor),
                "grantee": None if grant.grantee is None else mapped(grant.grantee),
            }
        )
        for grant in properties.grants
    ]
    return list(dict.fromkeys(grants))


def compare_properties(before: DatabaseProperties, after: DatabaseProperties) -> list[str]:
    """How a database is not what another was, as a person reads it; its name may be another."""
    said = []
    for what, was, now in (
        ("owner", before.owner, after.owner),
        ("encoding", before.encoding, after.encoding),
        ("locale", before.words, after.words),
        ("ICU rules", before.icu_rules, after.icu_rules),
        ("collation version", before.collation_version, after.collation_version),
        ("tablespace", before.tablespace, after.tablespace),
        ("connection limit", before.connection_limit, after.connection_limit),
        ("comment", before.comment, after.comment),
        ("template", before.is_template, after.is_template),
        ("connections allowed", before.allow_connections, after.allow_connections),
    ):
        if was != now:
            said.append(f"{what}: {now}, and was {was}")
    wanted, there = set(effective_grants(before, after.owner)), set(after.grants)
    said += [f"right: without {grant_words(grant)}" for grant in sorted(wanted - there, key=grant_words)]
    said += [f"right: with {grant_words(grant)}" for grant in sorted(there - wanted, key=grant_words)]
    for kind, was_all, now_all in (
        ("setting", _settings(before), _settings(after)),
        ("label", _labels(before), _labels(after)),
    ):
        said += [f"{kind}: without {each}" for each in was_all if each not in now_all]
        said += [f"{kind}: with {each}" for each in now_all if each not in was_all]
    return said


def grant_words(grant: Grant) -> str:
    """A right, as a person reads it."""
    option = " with grant option" if grant.grantable else ""
    return f"{grant.privilege} for {grant.grantee or 'PUBLIC'}{option}, granted by {grant.grantor}"


def _settings(properties: DatabaseProperties) -> list[str]:
    return [
        f"{each.name} = {each.value}" + (f" for {each.role}" if each.role is not None else "")
        for each in properties.settings
    ]


def _labels(properties: DatabaseProperties) -> list[str]:
    return [f"{each.label} of {each.provider}" for each in properties.labels]
