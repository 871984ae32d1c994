"""A database made as another was, on a server of another version perhaps, or of other locales."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg import sql

from litelift.backup.properties import (
    DatabaseProperties,
    Grant,
    effective_grants,
    grant_words,
    locale_words,
    read_properties,
)
from litelift.backup.rights import Note, attempt, set_clause, text_of
from litelift.errors import DatabaseExists, TargetError
from litelift.postgres.connect import Connection, is_trouble, stopped

ICU, ICU_RULES, BUILTIN = 150000, 160000, 170000
"""The versions from which on a database can have such a locale ("CREATE DATABASE")."""
NO_LOCALE = ("22023", "42809", "0A000", "42P17")
"""What the server answers to a locale that it has not (createdb() in dbcommands.c), by its encoding perhaps."""

Locale = tuple[str, str, str, str]
"""Provider, locale, LC_COLLATE and LC_CTYPE."""


def create_database(
    admin: Connection,
    name: str,
    properties: DatabaseProperties,
    *,
    owner: str | None = None,
    like_owner: bool = True,
) -> list[Note]:
    """Make an empty database with another's owner, locale and tablespace, as far as the server has them.

    Its encoding is UTF8. What would stand in the way of a restore, such as settings and a connection limit, comes with
    `apply_properties` afterwards; but where PUBLIC might not connect, it may not from the beginning.

    Args:
        admin: A connection in autocommit, whose login may make databases.
        owner: Another owner than the old one.
        like_owner: False leaves the database to the login that makes it.

    Returns:
        What is not as it was.

    Raises:
        DatabaseExists, TargetError: No database was made.
    """
    notes: list[Note] = []
    options = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
    try:
        wanted = owner or (properties.owner if like_owner else None)
        if wanted is not None:
            said = _no_owner(admin, wanted)
            if said is None:
                options += sql.SQL(" OWNER {}").format(sql.Identifier(wanted))
            else:
                fix = sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), sql.Identifier(wanted))
                message = f"the database does not belong to {wanted}: {said}"
                notes.append(Note(message=message, sql=text_of(admin, fix)))
        if _has_tablespace(admin, properties.tablespace):
            options += sql.SQL(" TABLESPACE {}").format(sql.Identifier(properties.tablespace))
        elif properties.tablespace != "pg_default":
            message = f"the tablespace {properties.tablespace} is not there, or not for this login: the server's own"
            notes.append(Note(message=message))
        if properties.encoding != "UTF8":
            notes.append(Note(message=f"the encoding is UTF8, and was {properties.encoding}"))
        notes += _create(admin, name, properties, options)
        if not any(grant.grantee is None and grant.privilege == "CONNECT" for grant in properties.grants):
            revoke = sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
            made = read_properties(admin, name)
            attempt(admin, revoke, None if made is None else made.owner, None)
    except psycopg.errors.DuplicateDatabase:
        raise DatabaseExists(database=name) from None
    except psycopg.errors.InsufficientPrivilege as error:
        hint = (
            "Name a login that may make databases (ALTER ROLE ... CREATEDB): "
            "[backup] admin in litelift.toml, or --admin where the command takes it."
        )
        raise TargetError(message=f"PostgreSQL refused: {error.diag.message_primary}", hint=hint) from error
    except psycopg.Error as error:
        raise stopped(error) from error
    return notes


def _create(admin: Connection, name: str, properties: DatabaseProperties, options: sql.Composed) -> list[Note]:
    version = admin.info.server_version
    reason = f"PostgreSQL {version // 10000} knows it not"
    first: psycopg.Error | None = None
    for provider, locale, collate, ctype in _locales(properties, version):
        rules = properties.icu_rules if provider == "icu" and version >= ICU_RULES else None
        try:
            admin.execute(options + _locale_clause((provider, locale, collate, ctype), rules, version))
        except psycopg.Error as error:
            if is_trouble(error) or error.sqlstate not in NO_LOCALE:
                raise
            if first is None and (provider, locale) == (properties.provider, properties.locale or properties.collate):
                reason = " ".join((error.diag.message_primary or str(error)).split())
            first = first or error
            continue
        words = locale_words(provider, locale, ctype)
        if words == properties.words:
            return [] if rules == properties.icu_rules else [Note(message="the ICU rules of its locale are not there")]
        message = f"the locale is {words}, and was {properties.words} ({reason}): text is sorted and folded otherwise"
        return [Note(message=message)]
    raise first or TargetError(message=f"the database {name} could not be made with any locale")


def _locales(properties: DatabaseProperties, version: int) -> Iterator[Locale]:
    """The locales to try, the nearest first."""
    collate, ctype, locale = properties.collate, properties.ctype, properties.locale or ""
    if properties.provider == "icu" and version >= ICU:
        yield "icu", locale, collate, ctype
        yield "icu", locale, "C.UTF-8", "C.UTF-8"
        yield "icu", locale, "C", "C"
    if properties.provider == "builtin":
        if version >= BUILTIN:
            yield "builtin", locale, collate, ctype
            yield "builtin", locale, "C", "C"
            yield "builtin", "C.UTF-8", "C", "C"
        yield ("libc", "C", "C", "C") if locale == "C" else ("libc", "C.UTF-8", "C.UTF-8", "C.UTF-8")
    yield "libc", collate, collate, ctype
    yield "libc", "C.UTF-8", "C.UTF-8", "C.UTF-8"
    yield "libc", "C", "C", "C"


def _locale_clause(wanted: Locale, rules: str | None, version: int) -> sql.Composed:
    provider, locale, collate, ctype = wanted
    clause = sql.SQL(" LC_COLLATE {} LC_CTYPE {}").format(sql.Literal(collate), sql.Literal(ctype))
    if version >= ICU:
        clause += sql.SQL(" LOCALE_PROVIDER {}").format(sql.Identifier(provider))
    if provider != "libc":
        kind = "ICU_LOCALE" if provider == "icu" else "BUILTIN_LOCALE"
        clause += sql.SQL(f" {kind} {{}}").format(sql.Literal(locale))
    if rules is not None:
        clause += sql.SQL(" ICU_RULES {}").format(sql.Literal(rules))
    return clause


def _no_owner(admin: Connection, owner: str) -> str | None:
    option = "set" if admin.info.server_version >= 160000 else "member"
    found = admin.execute("select pg_has_role(oid, %s) from pg_roles where rolname = %s", (option, owner)).fetchone()
    if found is None:
        return "there is no such role"
    return None if found[0] else "the login is no member of it"


def _has_tablespace(admin: Connection, name: str) -> bool:
    query = "select has_tablespace_privilege(oid, 'create') from pg_tablespace where spcname = %s"
    found = admin.execute(query, (name,)).fetchone()
    # The server's own takes no right, where one names it not.
    return name != "pg_default" and found is not None and bool(found[0])


def apply_properties(admin: Connection, name: str, properties: DatabaseProperties) -> list[Note]:
    """Give a database another's rights, settings, connection limit, comment and labels; what could not be given.

    To be called when the database is restored, for a setting could stand in the way of that. Its owner stays, and has
    the rights that the old one had. A second call changes nothing. Raises TargetError.
    """
    try:
        now = read_properties(admin, name)
        if now is None:
            raise TargetError(message=f"there is no database {name}", hint="Make it first.")
        with admin.transaction():
            return list(_apply(admin, now, properties))
    except psycopg.Error as error:
        raise stopped(error) from error


def _apply(admin: Connection, now: DatabaseProperties, wanted: DatabaseProperties) -> Iterator[Note]:
    database = sql.Identifier(now.name)
    yield from _apply_grants(admin, now, effective_grants(wanted, now.owner))
    alter = sql.SQL("ALTER DATABASE {} ").format(database)
    statements: list[tuple[str, sql.Composed]] = []
    for setting in now.settings:
        if (setting.role, setting.name) not in {(each.role, each.name) for each in wanted.settings}:
            reset = sql.SQL("{}RESET {}").format(_alter(now.name, setting.role), sql.Identifier(setting.name))
            statements.append((f"the setting {setting.name} is still there", reset))
    for setting in wanted.settings:
        of = "" if setting.role is None else f" of {setting.role}"
        if setting not in now.settings:
            change = _alter(now.name, setting.role) + set_clause(setting)
            statements.append((f"the setting {setting.name}{of} is missing", change))
    if wanted.comment != now.comment:
        comment = sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(wanted.comment))
        statements.append(("its comment is missing", comment))
    for label in wanted.labels:
        if label not in now.labels:
            of_database = sql.SQL("SECURITY LABEL FOR {} ON DATABASE {} IS {}").format(
                sql.Identifier(label.provider), database, sql.Literal(label.label)
            )
            statements.append((f"its label of {label.provider} is missing", of_database))
    for what, word, was, is_now in (
        ("connection limit", "CONNECTION LIMIT", wanted.connection_limit, now.connection_limit),
        ("mark as a template", "IS_TEMPLATE", wanted.is_template, now.is_template),
        ("permission to connect", "ALLOW_CONNECTIONS", wanted.allow_connections, now.allow_connections),
    ):
        if was != is_now:
            change = alter + sql.SQL(f"{word} {{}}").format(sql.Literal(was))
            statements.append((f"its {what} is {is_now}, and was {was}", change))
    for message, statement in statements:
        said = attempt(admin, statement, None, now.owner)
        if said is not None:
            yield Note(message=f"{message}: {said}", sql=text_of(admin, statement))


def _alter(database: str, role: str | None) -> sql.Composed:
    if role is None:
        return sql.SQL("ALTER DATABASE {} ").format(sql.Identifier(database))
    return sql.SQL("ALTER ROLE {} IN DATABASE {} ").format(sql.Identifier(role), sql.Identifier(database))


def _apply_grants(admin: Connection, now: DatabaseProperties, wanted: list[Grant]) -> Iterator[Note]:
    kept = {(each.grantee, each.privilege): each for each in wanted}
    for grant in now.grants:
        other = kept.get((grant.grantee, grant.privilege))
        if other is None or (grant.grantable and not other.grantable):
            option = "" if other is None else "GRANT OPTION FOR "
            yield from _change(admin, now.name, grant, f"REVOKE {option}", "FROM")
    # A right can be passed on only by who has it already.
    may, rest = {now.owner}, [grant for grant in wanted if grant not in now.grants]
    may |= {grant.grantee for grant in now.grants if grant.grantee is not None and grant.grantable}
    while rest:
        ready = [grant for grant in rest if grant.grantor in may] or rest
        for grant in ready:
            yield from _change(admin, now.name, grant, "GRANT ", "TO")
        may |= {grant.grantee for grant in ready if grant.grantee is not None and grant.grantable}
        rest = [grant for grant in rest if grant not in ready]


def _change(admin: Connection, database: str, grant: Grant, word: str, side: str) -> Iterator[Note]:
    grantee = sql.SQL("PUBLIC") if grant.grantee is None else sql.Identifier(grant.grantee)
    statement = sql.SQL(f"{word}{grant.privilege} ON DATABASE {{}} {side} {{}}").format(
        sql.Identifier(database), grantee
    )
    if grant.grantable and side == "TO":
        statement += sql.SQL(" WITH GRANT OPTION")
    said = attempt(admin, statement, grant.grantor, None)
    if said is not None:
        verb = "is still there" if side == "FROM" else "is missing"
        yield Note(message=f"the right {grant_words(grant)} {verb}: {said}", sql=text_of(admin, statement))
