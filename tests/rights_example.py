"""A database with every kind of object and of right, whose roles are those that a test gives it."""

from __future__ import annotations

ROLES = """
create role {owner} login;
create role {app} login;
create role {reader} login;
create role {keeper} noinherit;
create role {auditor} login;
create role {outside} login;
grant {reader} to {auditor};
grant {keeper} to {app} with admin option;
create database {database} owner {owner}
"""

INSIDE = """
set search_path = public;
set role {owner};
create schema "Odd ""one";
create type "Odd ""one".mood as enum ('good', 'it''s, bad');
create type pair as (a int, b "Odd ""one".mood);
create type spans as range (subtype = int4);
create domain percent as int not null default 5 constraint low check (value >= 0);
create sequence free increment by 5 cycle maxvalue 1000;
create table people (
    id bigint generated always as identity primary key,
    name text collate "C" not null unique deferrable initially deferred,
    secret text,
    share percent,
    mood "Odd ""one".mood default 'good',
    doubled int generated always as (share * 2) stored
);
create table "Odd ""one"."ta.ble: x" (id int references people on delete cascade, constraint "c: d" check (id > 0));
alter table "Odd ""one"."ta.ble: x" add constraint later foreign key (id) references people not valid;
create table parts (at date not null, n int, check (n > 0)) partition by range (at);
create table parts_1 partition of parts for values from ('2026-01-01') to ('2027-01-01');
create index on parts (n);
create unlogged table fast (a serial) with (fillfactor = 70);
create table child () inherits (fast);
create unique index partial on people (lower(secret)) where secret is not null;
create statistics both_ (dependencies) on name, secret from people;
create view seen with (security_barrier) as select id, name from people;
create materialized view counted as select count(*) as n from people with no data;
create function secret_of(bigint) returns text language sql security definer set search_path = public
    as 'select secret from people where id = $1';
create function secret_of(text) returns text language sql stable as 'select $1';
create procedure nothing(int) language plpgsql as 'begin end';
create aggregate total (int) (sfunc = int4pl, stype = int);
create function touch() returns trigger language plpgsql as 'begin return new; end';
create trigger touched before update on people for each row execute function touch();
create trigger parts_touched after insert on parts for each row execute function touch();
create rule quiet as on delete to fast do instead nothing;
alter table people disable trigger touched;
alter table people enable row level security, replica identity full;
create policy own on people for select to {app}, {reader} using (name = current_user);
create policy strict on people as restrictive using (true);
comment on table people is 'all of them';
comment on column people.name is 'the "name"';
grant usage on schema public, "Odd ""one" to {app}, {reader};
grant select, insert on people to {app} with grant option;
grant all on "Odd ""one"."ta.ble: x" to {app};
grant select (id, name), update (mood) on people to {reader};
grant select (name) on people to public;
grant usage on free to {app};
grant select on free to {reader} with grant option;
revoke execute on function secret_of(bigint) from public;
grant execute on function secret_of(bigint) to {keeper};
grant execute on procedure nothing(int) to {auditor} with grant option;
revoke usage on type percent from public;
grant usage on domain percent to {app};
revoke delete on fast from {owner};
grant select on seen to {auditor};
alter default privileges in schema public grant select on tables to {reader};
alter default privileges revoke execute on functions from public;
alter default privileges grant all on sequences to {app};
set role {app};
grant select on people to {keeper};
reset role;
alter function secret_of(text) owner to {keeper};
create publication pub for table people, parts_1 with (publish = 'insert');
alter publication pub owner to {owner};
create function told() returns event_trigger language plpgsql as 'begin end';
create event trigger watch on ddl_command_end execute function told();
alter event trigger watch enable always;
grant execute on function pg_catalog.pg_ls_logdir() to {auditor};
alter schema public owner to {owner};
revoke create on schema public from public;
select lo_create(4711);
alter large object 4711 owner to {app};
grant select on large object 4711 to {reader};
set search_path = pg_catalog
"""
