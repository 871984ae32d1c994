"""Triggers as applications write them: a schema, then statements that run on both engines."""

# ruff: noqa: E501 (SQL reads better in whole lines)
from __future__ import annotations

from dataclasses import dataclass, field

Step = str | tuple[str, str]
"""One statement for both engines, or one for SQLite and one for PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Case:
    """``schema`` is SQLite's script, triggers too; ``steps`` may fail, if they fail on both sides."""

    name: str
    schema: str
    steps: tuple[Step, ...]
    remarks: bool = False
    guarded: tuple[str, ...] = field(default=())


def case(name: str, schema: str, *steps: Step, remarks: bool = False, guarded: tuple[str, ...] = ()) -> Case:
    return Case(name, schema, steps, remarks, guarded)


ITEMS = "create table t(id integer primary key, v text, n int, active boolean, price numeric, at datetime);"
LOG = "create table log(id integer primary key, t_id int, old text, new text, what text);"
FILL = "insert into t(id, v, n) values(1,'a',10),(2,'b',20),(3,null,30)"
POSTS = "create table users(id integer primary key, name text, posts int not null default 0); create table posts(id integer primary key, user_id int, title text);"
USERS = "insert into users(id,name) values(1,'ann'),(2,'bob')"

CASES = [
    case(
        "audit log of changes, NULL included",
        ITEMS + LOG + "create trigger t_log after update on t when old.v is not new.v begin"
        " insert into log(t_id, old, new) values(new.id, old.v, new.v); end;",
        FILL,
        "update t set v='c' where id=1",
        "update t set v='c' where id=1",
        "update t set v=null where id in (1,2)",
        "update t set v='z' where id=3",
    ),
    case(
        "audit log without a list of columns, the number left to the server by NULL",
        ITEMS
        + LOG
        + "create trigger t_log after insert on t begin insert into log values(null, new.id, null, new.v, 'insert'); end;",
        FILL,
    ),
    case(
        "audit log of all three events",
        ITEMS + LOG + "create trigger a after insert on t begin insert into log(t_id,what) values(new.id,'I'); end;"
        "create trigger b after update on t begin insert into log(t_id,what) values(old.id,'U'); end;"
        "create trigger c after delete on t begin insert into log(t_id,what,old) values(old.id,'D',old.v); end;",
        FILL,
        "update t set n = n + 1 where n > 10",
        "delete from t where id = 2",
        "delete from t where id = 99",
    ),
    case(
        "text made of parts",
        ITEMS + LOG + "create trigger a after update on t begin insert into log(what) values("
        "'n ' || old.n || ' -> ' || new.n || coalesce(' ' || new.v, '!')); end;",
        FILL,
        "update t set n = n * 2",
    ),
    case(
        "counters of another table",
        POSTS
        + "create trigger i after insert on posts begin update users set posts = posts + 1 where id = new.user_id; end;"
        "create trigger d after delete on posts begin update users set posts = posts - 1 where id = old.user_id; end;"
        "create trigger u after update of user_id on posts begin"
        " update users set posts = posts - 1 where id = old.user_id;"
        " update users set posts = posts + 1 where id = new.user_id; end;",
        USERS,
        "insert into posts(id,user_id,title) values(1,1,'x'),(2,1,'y'),(3,2,'z')",
        "update posts set user_id = 2 where id = 1",
        "update posts set title = 'q'",
        "delete from posts where user_id = 2",
    ),
    case(
        "a count that is counted anew",
        POSTS + "create trigger i after insert on posts begin"
        " update users set posts = (select count(*) from posts where user_id = new.user_id) where id = new.user_id; end;",
        USERS,
        "insert into posts(id,user_id) values(1,1),(2,1),(3,2)",
        remarks=True,
    ),
    case(
        "a sum over two tables",
        "create table orders(id integer primary key, total numeric default 0);"
        "create table lines(id integer primary key, order_id int, qty int, price numeric);"
        "create trigger i after insert on lines begin update orders set total ="
        " (select coalesce(sum(l.qty * l.price), 0) from lines l where l.order_id = orders.id) where id = new.order_id; end;",
        "insert into orders(id) values(1),(2)",
        "insert into lines(id,order_id,qty,price) values(1,1,2,1.5),(2,1,1,10),(3,2,3,4)",
        remarks=True,
    ),
    case(
        "a cascade by hand",
        POSTS + "create trigger d before delete on users begin delete from posts where user_id = old.id; end;",
        USERS,
        "insert into posts(id,user_id) values(1,1),(2,1),(3,2)",
        "delete from users where name = 'ann'",
    ),
    case(
        "a cascade over three tables",
        "create table a(id integer primary key); create table b(id integer primary key, a int); create table c(id integer primary key, b int);"
        "create trigger da after delete on a begin delete from b where a = old.id; end;"
        "create trigger db after delete on b begin delete from c where b = old.id; end;",
        "insert into a values(1),(2)",
        "insert into b values(1,1),(2,1),(3,2)",
        "insert into c values(1,1),(2,2),(3,3)",
        "delete from a where id = 1",
    ),
    case(
        "set null by hand",
        POSTS
        + "create trigger d after delete on users begin update posts set user_id = null where user_id = old.id; end;",
        USERS,
        "insert into posts(id,user_id) values(1,1),(2,2)",
        "delete from users",
    ),
    case(
        "a soft delete",
        "create table t(id integer primary key, v text, deleted boolean default 0);"
        "create trigger soft before delete on t begin update t set deleted = 1 where id = old.id; select raise(ignore); end;",
        "insert into t(id,v) values(1,'a'),(2,'b'),(3,'c')",
        "delete from t where id = 1",
        "delete from t",
    ),
    case(
        "a soft delete that the second time deletes",
        "create table t(id integer primary key, v text, deleted boolean default 0);"
        "create trigger soft before delete on t when old.deleted = 0 begin"
        " update t set deleted = 1 where id = old.id; select raise(ignore); end;",
        "insert into t(id,v) values(1,'a'),(2,'b')",
        "delete from t where id = 1",
        "delete from t where id = 1",
    ),
    case(
        "updated_at of the own table does not recurse",
        "create table t(id integer primary key, v text, changes int default 0);"
        "create trigger touch after update on t begin update t set changes = changes + 1 where id = new.id; end;",
        "insert into t(id,v) values(1,'a'),(2,'b')",
        "update t set v = 'c'",
        "update t set v = 'd' where id = 1",
        guarded=("touch",),
    ),
    case(
        "updated_at by UPDATE OF needs no guard",
        "create table t(id integer primary key, v text, changes int default 0);"
        "create trigger touch after update of v on t begin update t set changes = changes + 1 where rowid = new.rowid; end;",
        "insert into t(id,v) values(1,'a')",
        "update t set v = 'c'",
        "update t set changes = 10",
        "update t set v = v, changes = 20",
    ),
    case(
        "a default computed after the insert",
        "create table t(id integer primary key, v text, slug text);"
        "create trigger s after insert on t when new.slug is null begin"
        " update t set slug = lower(replace(new.v, ' ', '-')) || '-' || new.id where id = new.id; end;",
        "insert into t(id,v) values(1,'Hello World'),(2,'X')",
        "insert into t(id,v,slug) values(3,'Y','own')",
    ),
    case(
        "two triggers that fire each other stop as in SQLite",
        "create table a(id integer primary key, n int); create table b(id integer primary key, n int);"
        "create trigger ta after update on a begin update b set n = n + 1 where id = new.id; end;"
        "create trigger tb after update on b begin update a set n = n + 100 where id = new.id; end;",
        "insert into a values(1,0)",
        "insert into b values(1,0)",
        "update a set n = n + 1",
        "update b set n = n + 1",
        guarded=("ta", "tb"),
    ),
    case(
        "a trigger fires another of the same table, and that one not itself",
        "create table t(id integer primary key, v text, n int default 0);"
        + LOG
        + "create trigger one after update of v on t begin update t set n = n + 1 where id = new.id; end;"
        "create trigger two after update of n on t begin insert into log(t_id,what) values(new.id, 'n is ' || new.n); end;",
        "insert into t(id,v) values(1,'a'),(2,'b')",
        "update t set v = 'c'",
        "update t set n = 7 where id = 2",
    ),
    case(
        "an insert that inserts into its own table once",
        "create table t(id integer primary key, v text, n int);"
        "create trigger r after insert on t begin insert into t(v, n) values(new.v || '*', new.id); end;",
        "insert into t(v) values('a')",
        "insert into t(v) values('b')",
        guarded=("r",),
    ),
    case(
        "a delete in its own table does not recurse",
        "create table tree(id integer primary key, parent int);"
        "create trigger d after delete on tree begin delete from tree where parent = old.id; end;",
        "insert into tree values(1,null),(2,1),(3,2),(4,3),(5,null)",
        "delete from tree where id = 1",
        guarded=("d",),
        remarks=True,
    ),
    case(
        "the guard ends with the trigger, for the next row too",
        "create table t(id integer primary key, n int, m int);"
        "create trigger g after update on t when new.n > 0 begin update t set m = coalesce(m,0) + new.n where id = new.id; end;",
        "insert into t(id,n) values(1,0),(2,0),(3,0)",
        "update t set n = id",
        "update t set n = n + 1",
        "update t set n = 0",
        "update t set n = 5 where id = 2",
        guarded=("g",),
    ),
    case(
        "validation by CASE",
        ITEMS
        + "create trigger c before insert on t begin select case when new.n is null then raise(abort, 'n is missing')"
        " when new.n < 0 then raise(fail, '100% wrong: n''s below 0') end; end;",
        "insert into t(id,n) values(1,5)",
        "insert into t(id,n) values(2,null)",
        "insert into t(id,n) values(3,-1)",
        "insert into t(id,n) values(4,0)",
        remarks=True,
    ),
    case(
        "validation by WHERE",
        ITEMS + "create trigger c before update on t begin select raise(rollback, 'no') where new.n > old.n * 2; end;",
        FILL,
        "update t set n = 15 where id = 1",
        "update t set n = 100 where id = 1",
    ),
    case(
        "validation by WHEN",
        ITEMS
        + "create trigger c before update of v on t when new.v is null or trim(new.v) = '' begin select raise(abort, 'v is empty'); end;",
        FILL,
        "update t set v = '  ' where id = 1",
        "update t set v = null where id = 1",
        "update t set n = 1 where id = 1",
        "update t set v = 'ok' where id = 1",
    ),
    case(
        "a foreign key by hand",
        POSTS + "create trigger fk before insert on posts begin"
        " select case when (select id from users where id = new.user_id) is null then raise(abort, 'no such user') end; end;"
        "create trigger fk2 before delete on users begin"
        " select raise(abort, 'user has posts') where exists (select 1 from posts where user_id = old.id); end;",
        USERS,
        "insert into posts(id,user_id) values(1,1)",
        "insert into posts(id,user_id) values(2,9)",
        "delete from users where id = 1",
        "delete from users where id = 2",
    ),
    case(
        "RAISE for a row of a query, and for an aggregate",
        POSTS + "create trigger a before insert on posts begin"
        " select raise(abort, 'bob may not') from users u where u.id = new.user_id and u.name = 'bob';"
        " select case when count(*) >= 2 then raise(abort, 'too many') end from posts where user_id = new.user_id; end;",
        USERS,
        "insert into posts(id,user_id) values(1,1)",
        "insert into posts(id,user_id) values(2,2)",
        "insert into posts(id,user_id) values(3,1)",
        "insert into posts(id,user_id) values(4,1)",
    ),
    case(
        "rows that stay",
        ITEMS + "create trigger no before delete on t begin select raise(abort, 'rows stay'); end;",
        FILL,
        "delete from t where id = 99",
        "delete from t",
    ),
    case(
        "RAISE(IGNORE) skips the row alone",
        ITEMS + "create trigger skip before update on t begin select raise(ignore) where new.n = 20; end;",
        FILL,
        "update t set n = 20 where id = 1",
        "update t set n = n + 10",
    ),
    case(
        "RAISE(IGNORE) after the row was written",
        ITEMS + LOG + "create trigger a after insert on t begin select raise(ignore) where new.n < 0;"
        " insert into log(t_id) values(new.id); end;",
        "insert into t(id,n) values(1,5)",
        "insert into t(id,n) values(2,-5)",
        "insert into t(id,n) values(3,6)",
        remarks=True,
    ),
    case(
        "RAISE(IGNORE) in a guarded trigger lets the guard go",
        "create table t(id integer primary key, n int, m int default 0);"
        "create trigger g after update on t begin update t set m = m + 1 where id = new.id;"
        " select raise(ignore) where new.n = 1; update t set m = m + 10 where id = new.id; end;",
        "insert into t(id,n) values(1,0),(2,0)",
        "update t set n = id",
        "update t set n = 1",
        remarks=True,
        guarded=("g",),
    ),
    case(
        "an error in the inner statement undoes everything, the guard too",
        "create table t(id integer primary key, n int, m int check (m < 3));"
        "create trigger g after update on t begin update t set m = coalesce(m,0) + 1 where id = new.id; end;",
        "insert into t(id,n) values(1,0)",
        "update t set n = 1",
        "update t set n = 2",
        "update t set n = 3",
        "update t set m = 0",
        "update t set n = 4",
        guarded=("g",),
    ),
    case(
        "insert or replace by the primary key",
        ITEMS + "create table last(k text primary key, n int default 7, note text);"
        "create trigger a after insert on t begin insert or replace into last(k, note) values('t', new.v); end;",
        "insert into last values('t', 1, 'old')",
        FILL,
    ),
    case(
        "counts kept by sqlite-utils",
        "create table docs(id integer primary key, v text);"
        'create table "_counts"("table" text primary key, count integer default 0);'
        'create trigger "docs_i" after insert on "docs" begin insert or replace into "_counts" values ('
        "'docs', coalesce((select count from \"_counts\" where \"table\" = 'docs'), 0) + 1); end;"
        'create trigger "docs_d" after delete on "docs" begin insert or replace into "_counts" values ('
        "'docs', coalesce((select count from \"_counts\" where \"table\" = 'docs'), 0) - 1); end;",
        "insert into docs(v) values('a')",
        "insert into docs(v) values('b'),('c')",
        "delete from docs where id = 1",
    ),
    case(
        "insert or ignore",
        ITEMS + "create table tags(name text primary key); create trigger a after insert on t begin"
        " insert or ignore into tags values(new.v); end;",
        "insert into t(v) values('x')",
        "insert into t(v) values('x'),('y'),('x')",
        remarks=True,
    ),
    case(
        "upsert",
        ITEMS + "create table words(w text unique, n int default 1, first int);"
        "create trigger a after insert on t begin insert into words(w, first) values(new.v, new.id)"
        " on conflict(w) do update set n = n + 1 where words.n < 3; end;"
        "create trigger b after update on t begin insert into words(w, first) values(new.v, new.id)"
        " on conflict(w) do update set n = excluded.n, first = excluded.first; end;"
        "create trigger c after delete on t begin insert into words(w) values(old.v) on conflict do nothing; end;",
        "insert into t(v) values('x')",
        "insert into t(v) values('x'),('y')",
        "insert into t(v) values('x'),('x'),('x')",
        "update t set v = 'y' where id = 1",
        "delete from t where v = 'x'",
    ),
    case(
        "insert from a select",
        POSTS + "create table feed(id integer primary key, user_id int, text text);"
        "create trigger a after insert on posts begin insert into feed(user_id, text)"
        " select u.id, u.name || ': ' || new.title from users as u where u.id <> new.user_id order by u.id; end;",
        USERS,
        "insert into posts(id,user_id,title) values(1,1,'hi')",
        "insert into posts(id,user_id,title) values(2,3,'ho')",
    ),
    case(
        "insert only where it is not there",
        ITEMS + "create table seen(v text, n int); create trigger a after insert on t begin"
        " insert into seen(v, n) select new.v, 1 where not exists (select 1 from seen where v = new.v);"
        " update seen set n = n + 1 where v = new.v; end;",
        "insert into t(v) values('x')",
        "insert into t(v) values('x')",
        "insert into t(v) values('y')",
    ),
    case(
        "a query with a join, and IN",
        "create table g(id integer primary key, name text); create table m(id integer primary key, g_id int, p int);"
        + LOG
        + "create trigger a after insert on m begin"
        " insert into log(t_id, what) select m.id, g.name from m join g on g.id = m.g_id where m.id = new.id;"
        " update m set p = 0 where g_id in (select id from g where name = 'off'); end;",
        "insert into g values(1,'on'),(2,'off')",
        "insert into m values(1,1,5)",
        "insert into m values(2,2,5)",
        remarks=True,
    ),
    case(
        "booleans",
        ITEMS
        + "create table u(id integer primary key, live boolean, n int); create trigger a after update of active on t begin"
        " update u set live = new.active, n = new.active + 1 where id = new.id;"
        " update u set live = 0 where n = 1 and live; end;"
        "create trigger b after insert on t when new.active begin insert into u values(new.id, not new.active, 5); end;",
        ("insert into t(id,active) values(1,1),(2,0)", "insert into t(id,active) values(1,true),(2,false)"),
        ("update t set active = 0", "update t set active = false"),
        ("update t set active = 1 where id = 1", "update t set active = true where id = 1"),
    ),
    case(
        "values of every type into their own type",
        "create table t(id integer primary key, i int, r real, d numeric, s text, b boolean, at datetime, day date, x blob);"
        "create table h(id integer primary key, i int, r real, d numeric, s text, b boolean, at datetime, day date, x blob);"
        "create trigger a after update on t begin insert into h(i,r,d,s,b,at,day,x)"
        " values(old.i,old.r,old.d,old.s,old.b,old.at,old.day,old.x); end;",
        (
            "insert into t values(1,2,0.5,2.25,'s',1,'2024-01-02 03:04:05','2024-01-02',x'00ff')",
            "insert into t values(1,2,0.5,2.25,'s',true,'2024-01-02 03:04:05','2024-01-02',decode('00ff','hex'))",
        ),
        "update t set i = 3",
        "update t set i = null, r = null, d = null, s = null, b = null, at = null, day = null, x = null",
        "update t set i = 4",
    ),
    case(
        "values of every type into text",
        "create table t(id integer primary key, i int, r real, d numeric, b boolean, at datetime, day date);"
        "create table h(id integer primary key, a text, b text, c text, d text, e text, f text);"
        "create trigger a after update on t begin insert into h(a,b,c,d,e,f) values(old.i,old.r,old.d,old.b,old.at,old.day); end;",
        (
            "insert into t values(1,2,0.5,2.25,1,'2024-01-02 03:04:05','2024-01-02')",
            "insert into t values(1,2,0.5,2.25,true,'2024-01-02 03:04:05','2024-01-02')",
        ),
        "update t set r = 3.0, d = 4, at = '2024-01-02 03:04:05.250'",
        "update t set r = null, d = null, b = null, at = null, day = null",
        "update t set i = null",
        "update t set i = 1",
        remarks=True,
    ),
    case(
        "constants as the column's affinity makes them",
        ITEMS + "create table k(id integer primary key, i int, s text, n numeric, b boolean, at datetime, j json);"
        "create trigger a after insert on t begin insert into k(i,s,n,b,at,j)"
        " values('5', 7, '1.50', 1, '2024-01-01 00:00:00', '{\"a\":1}'); end;",
        FILL,
    ),
    case(
        "the clock",
        "create table t(id integer primary key, v text, at datetime, day date, s text, e int);"
        "create trigger a after insert on t begin update t set at = datetime('now'), day = date('now'),"
        " s = strftime('%Y', 'now'), e = strftime('%s','now') / 1000000 where id = new.id and new.at is null; end;"
        "create trigger b after update of v on t begin update t set at = current_timestamp where id = old.id; end;",
        "insert into t(id,v) values(1,'a')",
        "insert into t(id,v,at) values(2,'a','2020-01-01 00:00:00')",
    ),
    case(
        "INSTEAD OF on a view",
        "create table p(id integer primary key, name text, n int); create table q(id integer primary key, p_id int, w text);"
        "create view v as select p.id as id, p.name as name, q.w as w from p left join q on q.p_id = p.id;"
        "create trigger vi instead of insert on v begin insert into p(id,name) values(new.id,new.name);"
        " insert into q(p_id,w) values(new.id,new.w); end;"
        "create trigger vu instead of update on v begin update p set name = new.name where id = old.id;"
        " update q set w = new.w where p_id = old.id; end;"
        "create trigger vd instead of delete on v when old.name <> 'keep' begin"
        " delete from q where p_id = old.id; delete from p where id = old.id; end;",
        "insert into v(id,name,w) values(1,'a','x'),(2,'keep','y'),(3,'c',null)",
        "update v set w = 'z', name = name || '!' where id = 1",
        "delete from v",
    ),
    case(
        "last_insert_rowid() is the row's own, then the inserted one's",
        ITEMS + LOG + "create table child(id integer primary key, log_id int, t_id int);"
        "insert into log(id) values(40);"
        "create trigger a after insert on t begin insert into log(t_id, what) values(last_insert_rowid(), new.v);"
        " insert into child(log_id, t_id) values(last_insert_rowid(), new.id); end;",
        FILL,
        "insert into t(id,v) values(4,'next')",
    ),
    case(
        "hostile names",
        'create table "my ""t""; drop"("the id" integer primary key, "select" text, "new" int, "%s" text, "tg_op" text unique, "found" int);'
        'create table "log"("old" text, "new" text, "$body$" text);'
        'create trigger "a trigger; \'" after update of "select" on "my ""t""; drop" when old."select" is not new."select" begin'
        ' insert into [log](`old`, "new", "$body$") values(old."select", new.[select], \'it\'\'s $body$ 100%s \n  line\');'
        ' insert into "my ""t""; drop"("tg_op", "found") values(\'x\', new."new") on conflict("tg_op") do update set "found" = "found" + excluded."found"; end;',
        'insert into "my ""t""; drop"("select", "new", "%s", "tg_op", "found") values(\'a\', 2, \'p\', \'o\', 3)',
        'update "my ""t""; drop" set "select" = \'b\'',
        'update "my ""t""; drop" set "select" = \'c\' where "the id" = 1',
    ),
    case(
        "comments, case and odd layout",
        ITEMS
        + LOG
        + "CREATE TRIGGER IF NOT EXISTS x/* here */AFTER\nINSERT ON t FOR EACH ROW WHEN (NEW.N>0) -- when\n"
        "BEGIN /* one; */ INSERT INTO LOG(T_ID,WHAT)VALUES(New.ID,'a;b--c');;\nEND".replace(";;", "; "),
        FILL,
    ),
    case(
        "a WHEN with a subquery",
        POSTS
        + LOG
        + "create trigger a after insert on posts when exists (select 1 from users where id = new.user_id and posts = 0)"
        " begin insert into log(t_id) values(new.id); update users set posts = 1 where id = new.user_id; end;",
        USERS,
        "insert into posts(id,user_id) values(1,1)",
        "insert into posts(id,user_id) values(2,1)",
        "insert into posts(id,user_id) values(3,2)",
    ),
    case(
        "only one default",
        "create table a(id integer primary key, user_id int, main boolean);"
        "create trigger i after insert on a when new.main = 1 begin update a set main = 0 where user_id = new.user_id and id <> new.id; end;"
        "create trigger u after update of main on a when new.main = 1 and old.main = 0 begin"
        " update a set main = 0 where user_id = new.user_id and id <> new.id; end;",
        ("insert into a values(1,1,1)", "insert into a values(1,1,true)"),
        ("insert into a values(2,1,1)", "insert into a values(2,1,true)"),
        ("insert into a values(3,2,1)", "insert into a values(3,2,true)"),
        ("update a set main = 1 where id = 1", "update a set main = true where id = 1"),
        guarded=("u",),
        remarks=True,
    ),
    case(
        "stock that may not go below nothing",
        "create table stock(item text primary key, n int check(n >= 0)); create table sold(id integer primary key, item text, n int);"
        "create trigger s before insert on sold begin"
        " select case when (select n from stock where item = new.item) < new.n then raise(abort, 'not enough') end;"
        " update stock set n = n - new.n where item = new.item; end;",
        "insert into stock values('a',5),('b',1)",
        "insert into sold(id,item,n) values(1,'a',3)",
        "insert into sold(id,item,n) values(2,'a',3)",
        "insert into sold(id,item,n) values(3,'b',1)",
    ),
    case(
        "a composite key and WITHOUT ROWID",
        "create table cell(r int, c int, v text, primary key(r, c)) without rowid;"
        "create table hist(r int, c int, n int default 1, v text, primary key(r, c));"
        "create trigger a after update on cell begin insert into hist(r,c,v) values(new.r,new.c,old.v)"
        " on conflict(c, r) do update set n = n + 1, v = excluded.v; end;",
        "insert into cell values(1,1,'a'),(1,2,'b')",
        "update cell set v = 'x' where r = 1",
        "update cell set v = 'y' where c = 2",
    ),
    case(
        "two columns set at once, BETWEEN, LIKE, IN, CAST and functions",
        ITEMS + LOG + "create trigger a after insert on t when new.n between 5 and 25 or new.v like 'Z%' begin"
        " insert into log(t_id, old, new, what) values(new.id, substr(new.v, 1, 1), upper(new.v), case when new.n in (10, 20) then 'round' else 'odd' end);"
        " update log set (old, new) = (new.v, cast(new.n as text)) where t_id = new.id and what = 'odd'; end;",
        FILL,
        "insert into t(id,v,n) values(4,'zed',99),(5,'five',5)",
    ),
    case(
        "a history as sqlite-history keeps it",
        "create table people(id integer primary key, name text, age int);"
        "create table _people_history(_rowid int, id int, name text, age int, _version int, _updated int, _mask int);"
        "create trigger people_insert_history after insert on people begin"
        " insert into _people_history (_rowid, id, name, age, _version, _updated, _mask) values (new.rowid, new.id, new.name, new.age, 1,"
        " cast((julianday('now') - 2440587.5) * 86400 * 1000 as integer) / 100000000, 7); end;"
        "create trigger people_update_history after update on people for each row begin"
        " insert into _people_history (_rowid, id, name, age, _version, _updated, _mask)"
        " select old.rowid, case when old.id != new.id then new.id else null end,"
        " case when old.name != new.name then new.name else null end, case when old.age != new.age then new.age else null end,"
        " (select max(_version) from _people_history where _rowid = old.rowid) + 1,"
        " cast((julianday('now') - 2440587.5) * 86400 * 1000 as integer) / 100000000,"
        " (case when old.id != new.id then 1 else 0 end) + (case when old.name != new.name then 2 else 0 end)"
        " + (case when old.age != new.age then 4 else 0 end)"
        " where old.id != new.id or old.name != new.name or old.age != new.age; end;",
        "insert into people values(1,'a',5),(2,'b',null)",
        "update people set name = 'c' where id = 1",
        "update people set age = 7",
        "update people set id = 9, name = 'd' where id = 1",
    ),
    case(
        "foreign keys as calibre keeps them",
        "create table books(id integer primary key, title text not null, sort text); create table authors(id integer primary key, name text);"
        "create table link(id integer primary key, book int not null, author int not null, unique(book, author));"
        "create trigger books_delete_trg after delete on books begin delete from link where book=OLD.id; end;"
        "create trigger fkc_insert before insert on link begin select case"
        " when (select id from books where id=NEW.book) is null then raise(abort, 'Foreign key violation: book not in books')"
        " when (select id from authors where id=NEW.author) is null then raise(abort, 'Foreign key violation: author not in authors') end; end;"
        "create trigger fkc_update before update of author on link begin select case"
        " when (select id from authors where id=NEW.author) is null then raise(abort, 'Foreign key violation: author not in authors') end; end;"
        "create trigger fkc_delete before delete on authors begin select case"
        " when (select count(id) from link where author=OLD.id) > 0 then raise(abort, 'Foreign key violation: authors is still referenced') end; end;",
        "insert into books values(1,'x',null),(2,'y',null)",
        "insert into authors values(1,'a'),(2,'b')",
        "insert into link values(1,1,1),(2,1,2),(3,2,2)",
        "insert into link values(4,9,1)",
        "insert into link values(4,1,9)",
        "update link set author = 9 where id = 1",
        "update link set author = 1 where id = 3",
        "delete from authors where id = 1",
        "delete from books where id = 1",
        "delete from authors where id = 2",
    ),
    case(
        "checks as GeoPackage keeps them",
        "create table gpkg_contents(table_name text not null primary key, data_type text not null);"
        "create table tiles(id integer primary key, table_name text not null, zoom_level integer not null, size real not null);"
        "CREATE TRIGGER 'tiles_zoom_insert' BEFORE INSERT ON 'tiles' FOR EACH ROW BEGIN"
        " SELECT RAISE(ABORT, 'insert on table ''tiles'' violates constraint: zoom_level cannot be less than 0') WHERE (NEW.zoom_level < 0);"
        " SELECT RAISE(ABORT, 'no tiles of that name') WHERE NOT (lower(NEW.table_name) IN"
        " (SELECT DISTINCT lower(table_name) FROM gpkg_contents WHERE data_type='tiles')); END;"
        "CREATE TRIGGER 'tiles_size_update' BEFORE UPDATE OF size ON 'tiles' FOR EACH ROW BEGIN"
        " SELECT RAISE(ROLLBACK, 'size must be greater than 0') WHERE NOT (NEW.size > 0); END;",
        "insert into gpkg_contents values('A','tiles'),('b','features')",
        "insert into tiles values(1,'a',0,1.5)",
        "insert into tiles values(2,'a',-1,1.5)",
        "insert into tiles values(3,'b',1,1.5)",
        "update tiles set size = 0",
        "update tiles set size = 2, zoom_level = -5",
    ),
    case(
        "an audit log in JSON",
        ITEMS + LOG + "create table j(id integer primary key, doc json);"
        "create trigger a after update on t begin"
        " insert into log(old, new) values(json_object('id', old.id, 'v', old.v, 'on', old.active, 'p', old.price), json_array(new.n, new.v, null, 'x', 1.5));"
        " insert into j(doc) values(json_object('a', new.v, 'deep', json_object('n', new.n, 'list', json_array(1, new.n)))); end;",
        FILL,
        "update t set n = n + 1, v = v || ' \"q\" \\ / ş'",
        ("update t set active = 1, price = 2.50", "update t set active = true, price = 2.50"),
        "update t set price = 3",
    ),
    case(
        "RAISE in a trigger that another one fires",
        "create table a(id integer primary key, n int); create table b(id integer primary key, a int, n int);"
        "create table c(b int);"
        "create trigger ta after update on a begin update b set n = new.n where a = new.id; insert into c(b) values(new.id); end;"
        "create trigger tb before update on b begin select case new.n when 1 then raise(ignore) when 2 then raise(abort, 'two') end; end;",
        "insert into a values(1,0),(2,0)",
        "insert into b values(1,1,0),(2,1,0),(3,2,0)",
        "update a set n = 1 where id = 1",
        "update a set n = 3",
        "update a set n = 2 where id = 2",
        "update a set n = id + 3",
    ),
    case(
        "a BEFORE INSERT that changes other rows of its table",
        "create table a(id integer primary key, user_id int, main boolean);"
        "create trigger i before insert on a when new.main begin update a set main = 0 where user_id = new.user_id; end;",
        ("insert into a values(1,1,1),(2,1,1),(3,2,1)", "insert into a values(1,1,true),(2,1,true),(3,2,true)"),
        ("insert into a values(4,2,0)", "insert into a values(4,2,false)"),
    ),
    case(
        "a table that keeps the last ten",
        "create table recent(id integer primary key, v text);"
        "create trigger keep after insert on recent begin delete from recent where id <="
        " (select id from recent order by id desc limit 1 offset 2); end;",
        "insert into recent values(1,'a')",
        "insert into recent values(2,'b')",
        "insert into recent values(3,'c'),(4,'d'),(5,'e')",
        remarks=True,
    ),
    case(
        "NULLs in conditions, and IS with values",
        ITEMS
        + LOG
        + "create trigger a after update on t when old.n <> new.n or (old.v is null) <> (new.v is null) begin"
        " insert into log(t_id, what) values(new.id, case when new.v is old.v then 'v stays' else 'v ' || ifnull(new.v, 'goes') end); end;",
        FILL,
        "update t set n = null where id = 1",
        "update t set n = 1 where id = 1",
        "update t set v = null where id = 1",
        "update t set v = null where id = 2",
        "update t set v = 'back', n = 4 where id = 3",
        "update t set v = 'back', n = 4 where id = 1",
    ),
    case(
        "a balance moved between accounts",
        "create table account(id integer primary key, balance numeric not null default 0);"
        "create table transfer(id integer primary key, src int, dst int, amount numeric);"
        "create trigger go after insert on transfer begin"
        " select raise(abort, 'overdrawn') where (select balance from account where id = new.src) < new.amount;"
        " update account set balance = balance + case id when new.src then -new.amount else new.amount end where id in (new.src, new.dst); end;"
        "create trigger back after delete on transfer begin"
        " update account set balance = balance + old.amount where id = old.src;"
        " update account set balance = balance - old.amount where id = old.dst; end;",
        "insert into account values(1,100),(2,0)",
        "insert into transfer values(1,1,2,30.5)",
        "insert into transfer values(2,2,1,99)",
        "delete from transfer",
    ),
]
