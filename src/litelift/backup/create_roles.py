"""Roles of a backup, made on a server that has not all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from litelift.backup.rights import Note, attempt, set_clause, text_of
from litelift.backup.roles import MEMBER_OPTIONS, POWERS, Membership, Role, read_roles, role_differences
from litelift.postgres.connect import Connection, stopped

SERVER_POWERS = ("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files")
"""The predefined roles by which one becomes superuser ("Predefined Roles", section 22.5)."""

# With those that are members of a superuser, or of one of these, through others.
_POWERFUL = """
    select r.rolname from pg_roles r where r.rolname = any(%(names)s::name[]) and exists (
        select from pg_roles p
        where (p.rolsuper or p.rolname = any(%(powers)s::name[])) and pg_has_role(r.oid, p.oid, 'member'))
"""


@dataclass(slots=True)
class RolesMade:
    """What `create_roles` did."""

    made: list[str] = field(default_factory=list)
    existing: list[str] = field(default_factory=list)
    """Those that were there, and were left as they are."""
    missing: list[str] = field(default_factory=list)
    """Those that the login could not make."""
    differences: list[str] = field(default_factory=list)
    """How the existing ones are not what they were."""
    notes: list[Note] = field(default_factory=list)
    """What could not be done, or was not, and the SQL for it."""
    without_password: list[str] = field(default_factory=list)
    """The roles made that may log in and had a password, or may have had one: someone gives them a new one."""


def create_roles(admin: Connection, roles: Sequence[Role], *, powers: bool = False) -> RolesMade:
    """Make the roles that the server has not, with their memberships, settings, comments and labels; all or nothing.

    A role that is there stays as it is. It only becomes a member of a role that was missing, as it was of that one. A
    second call changes nothing.

    Args:
        admin: A superuser, or a role with CREATEROLE: what that may not do is noted ("CREATE ROLE": from 16 on it
            gives only the attributes that it has, and memberships in roles that it administers).
        powers: Also give the attributes SUPERUSER, REPLICATION and BYPASSRLS, and membership in a superuser and in the
            roles that use the server's files and programs. The manifest is a file that others may have written to.

    Raises:
        TargetError: The server could not; no role was made.
    """
    try:
        with admin.transaction():
            return _Making(admin, roles, powers).run()
    except psycopg.Error as error:
        raise stopped(error) from error


class _Making:
    def __init__(self, admin: Connection, roles: Sequence[Role], powers: bool) -> None:
        self.admin, self.roles, self.powers = admin, roles, powers
        self.done = RolesMade()

    def run(self) -> RolesMade:
        there = read_roles(self.admin, [role.name for role in self.roles])
        for role in self.roles:
            if role.name in there:
                self.done.existing.append(role.name)
                self.done.differences += role_differences(role, there[role.name])
            else:
                self._make(role)
        powerful = self._powerful()
        for role in self.roles:
            now = {each.role: each for each in there[role.name].member_of} if role.name in there else {}
            for membership in role.member_of:
                self._join(role, membership, now.get(membership.role), powerful)
        for role in self.roles:
            if role.name in self.done.made:
                self._dress(role)
        return self.done

    def _make(self, role: Role) -> None:
        create = sql.SQL("CREATE ROLE {} {} {} CONNECTION LIMIT {}").format(
            sql.Identifier(role.name),
            sql.SQL("LOGIN" if role.login else "NOLOGIN"),
            sql.SQL("INHERIT" if role.inherit else "NOINHERIT"),
            sql.Literal(role.connection_limit),
        )
        if role.valid_until is not None:
            create += sql.SQL(" VALID UNTIL {}").format(sql.Literal(role.valid_until))
        attributes = [name for name in ("createdb", "createrole", *POWERS) if getattr(role, name)]
        given = [name for name in attributes if self.powers or name not in POWERS]
        said = attempt(self.admin, create)
        if said is not None:
            self.done.missing.append(role.name)
            rest = [_alter(role, name) for name in given] + [statement for _, statement in _further(role)]
            sql_text = text_of(self.admin, create, *rest)
            self.done.notes.append(Note(message=f"role {role.name} could not be made: {said}", sql=sql_text))
            return
        self.done.made.append(role.name)
        for name in given:
            self._try(f"role {role.name} has not {name.upper()}", _alter(role, name))
        for name in attributes:
            if name not in given:
                message = f"role {role.name} had {name.upper()}, which is given only where it is asked for"
                self.done.notes.append(Note(message=message, sql=text_of(self.admin, _alter(role, name))))

    def _powerful(self) -> set[str]:
        names = {membership.role for role in self.roles for membership in role.member_of}
        values = {"names": list(names), "powers": list(SERVER_POWERS)}
        return {name for (name,) in self.admin.execute(_POWERFUL, values).fetchall()}

    def _join(self, role: Role, wanted: Membership, now: Membership | None, powerful: set[str]) -> None:
        group, names = wanted.role, f"role {role.name} is no member of {wanted.role}"
        grant = self._grant(role, wanted)
        if role.name in self.done.missing or group in self.done.missing:
            self.done.notes.append(Note(message=names, sql=text_of(self.admin, grant)))
        elif now is None and role.name in self.done.existing and group not in self.done.made:
            self.done.notes.append(Note(message=f"{names}, and was one", sql=text_of(self.admin, grant)))
        elif now is not None:
            self.done.differences += _unlike(role, wanted, now)
        elif group in powerful and not self.powers:
            message = f"{names}: that reaches beyond the database, and is given only where it is asked for"
            self.done.notes.append(Note(message=message, sql=text_of(self.admin, grant)))
        elif self.admin.info.server_version < MEMBER_OPTIONS and wanted.inherit is False and wanted.set is False:
            # There every member may act as the role: more than this one could.
            if wanted.admin:
                self.done.notes.append(Note(message=f"{names}: it could only grant it, which this server knows not"))
        elif self._try(names, grant) and self.admin.info.server_version < MEMBER_OPTIONS and _narrower(role, wanted):
            message = f"role {role.name} may both act as {group} and use its rights: this server knows no other way"
            self.done.notes.append(Note(message=message))

    def _grant(self, role: Role, wanted: Membership) -> sql.Composed:
        grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(wanted.role), sql.Identifier(role.name))
        options = [sql.SQL("ADMIN OPTION")] if wanted.admin else []
        if self.admin.info.server_version >= MEMBER_OPTIONS:
            chosen = {"ADMIN": wanted.admin, "INHERIT": wanted.inherit, "SET": wanted.set}
            options = [
                sql.SQL(f"{name} {'TRUE' if value else 'FALSE'}") for name, value in chosen.items() if value is not None
            ]
        return grant + sql.SQL(" WITH ") + sql.SQL(", ").join(options) if options else grant

    def _dress(self, role: Role) -> None:
        for what, statement in _further(role):
            self._try(f"role {role.name} is without {what}", statement)
        had = role.has_password is None or role.has_password
        if role.password is not None:
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(role.name), sql.Literal(role.password)
            )
            # It is no SQL to be shown.
            had = attempt(self.admin, statement) is not None
        if role.login and had:
            self.done.without_password.append(role.name)

    def _try(self, message: str, statement: sql.Composed) -> bool:
        said = attempt(self.admin, statement)
        if said is not None:
            self.done.notes.append(Note(message=f"{message}: {said}", sql=text_of(self.admin, statement)))
        return said is None


def _alter(role: Role, attribute: str) -> sql.Composed:
    return sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(role.name), sql.SQL(attribute.upper()))


def _further(role: Role) -> Iterator[tuple[str, sql.Composed]]:
    name = sql.Identifier(role.name)
    for setting in role.settings:
        yield f"its setting {setting.name}", sql.SQL("ALTER ROLE {} ").format(name) + set_clause(setting)
    if role.comment is not None:
        yield "its comment", sql.SQL("COMMENT ON ROLE {} IS {}").format(name, sql.Literal(role.comment))
    for label in role.labels:
        statement = sql.SQL("SECURITY LABEL FOR {} ON ROLE {} IS {}").format(
            sql.Identifier(label.provider), name, sql.Literal(label.label)
        )
        yield f"its label of {label.provider}", statement


def _narrower(role: Role, wanted: Membership) -> bool:
    """Whether a membership gave less than one without options does."""
    return wanted.set is False or (wanted.inherit is False and role.inherit)


def _unlike(role: Role, before: Membership, after: Membership) -> list[str]:
    was = {"admin": before.admin, "inherit": before.inherit, "set": before.set}
    now = {"admin": after.admin, "inherit": after.inherit, "set": after.set}
    return [
        f"role {role.name}: its membership in {before.role} has the option {name} {now[name]}, and had {was[name]}"
        for name in was
        if was[name] is not None and now[name] is not None and was[name] != now[name]
    ]


@contextmanager
def acting_for(admin: Connection, names: Sequence[str]) -> Iterator[list[Note]]:
    """Let the admin's login own what is to be given to these roles, for as long as the block lasts.

    Who gives an object to a role has to be a member of it ("ALTER TABLE"); a superuser is, and others become it here
    where they may. What is handed out are notes of the roles of which the login is no member, and, when the block has
    ended, of those in which it had to stay one.

    Args:
        admin: The login's connection.
        names: The owners alone (`Role.owns`): of several roles that may grant a right the server takes any as grantor.

    Raises:
        TargetError.
    """
    me = (admin.execute("select current_user").fetchone() or ("",))[0]
    options = admin.info.server_version >= MEMBER_OPTIONS
    query = "select rolname from pg_roles where rolname = any(%s::name[]) and not pg_has_role(oid, %s)"
    given, notes = [], []
    try:
        for (name,) in admin.execute(query, (list(names), "set" if options else "member")).fetchall():
            grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(name), sql.Identifier(me))
            if options:
                grant += sql.SQL(" WITH INHERIT TRUE, SET TRUE")
            said = attempt(admin, grant)
            if said is None:
                given.append(name)
            else:
                message = f"{me} may not act as role {name}: {said}"
                notes.append(Note(message=message, sql=text_of(admin, grant)))
    except psycopg.Error as error:
        raise stopped(error) from error
    try:
        yield notes
    finally:
        for name in given:
            revoke = sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(name), sql.Identifier(me))
            try:
                said = attempt(admin, revoke)
            except psycopg.Error as error:
                said = stopped(error).message
            if said is not None:
                notes.append(Note(message=f"{me} is still a member of {name}: {said}", sql=text_of(admin, revoke)))
