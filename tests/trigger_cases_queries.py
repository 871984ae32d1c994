"""Triggers whose statements say what a view may say: joins, subqueries, WITH, windows, compounds, JSON."""

# ruff: noqa: E501 (SQL reads better in whole lines)
from __future__ import annotations

from trigger_cases import Case, case

SHOP = (
    "create table products(id integer primary key, name text not null, price numeric, stock int default 0, cat_id int, created_at datetime, updated_at datetime, deleted boolean default 0, tags text, meta text);"
    "create table cats(id integer primary key, name text, n int default 0, total numeric default 0, parent int);"
    "create table audit(id integer primary key , tbl text, row_id int, action text, old_data text, new_data text, at datetime);"
)
PRODUCTS = "insert into products(id,name,price,stock,cat_id) values(1,'Ball Pen',2.5,10,1),(2,'Red Cup',4,0,1),(3,'Mug',7.25,3,2)"
CATS = "insert into cats(id,name,parent) values(1,'office',null),(2,'kitchen',1),(3,'deep',2)"

CASES: list[Case] = [
    case(
        "an audit log with the old and the new row as JSON",
        SHOP
        + "create trigger t after update on products begin insert into audit(tbl,row_id,action,old_data,new_data,at) values('products', old.id, 'U', json_object('name', old.name, 'price', old.price, 'stock', old.stock), json_object('name', new.name, 'price', new.price, 'stock', new.stock), '2020-01-01 00:00:00'); end;",
        CATS,
        PRODUCTS,
        "update products set price = price * 2",
        "update products set name='x', price=null where id=1",
    ),
    case(
        "a change counted by UPDATE OF several columns",
        "create table t(id integer primary key, v text, n int, m int);"
        "create trigger x after update of v,n on t for each row when new.m is old.m begin update t set m = coalesce(m,0)+1 where id=old.id; end;",
        "insert into t values(1,'a',1,null),(2,'b',2,null)",
        "update t set v='c'",
        "update t set n=5 where id=2",
    ),
    case(
        "counts and sums by correlated subqueries",
        SHOP
        + "create trigger t after insert on products begin update cats set n = (select count(*) from products p where p.cat_id = cats.id), total = (select coalesce(sum(price),0) from products where cat_id = cats.id) where id = new.cat_id; end;",
        CATS,
        PRODUCTS,
        remarks=True,
    ),
    case(
        "UPDATE FROM a grouped subquery",
        SHOP
        + "create trigger t after update of cat_id on products begin update cats set n = s.k from (select cat_id, count(*) as k from products group by cat_id) as s where s.cat_id = cats.id; end;",
        CATS,
        PRODUCTS,
        "update products set cat_id=2 where id=1",
        remarks=True,
    ),
    case(
        "UPDATE FROM joined tables",
        SHOP
        + "create trigger t after insert on audit begin update products set stock = stock + 1 from cats c join cats d on d.id = c.parent where products.cat_id = c.id and d.name = new.tbl; end;",
        CATS,
        PRODUCTS,
        "insert into audit(tbl,at) values('office','2020-01-01 00:00:00')",
    ),
    case(
        "a closure table kept by a recursive WITH",
        "create table n(id integer primary key, parent int);"
        "create table closure(anc int, des int, depth int, primary key(anc,des));"
        "create trigger t after insert on n begin insert into closure(anc,des,depth) with recursive up(id, d) as (select new.id, 0 union all select n.parent, up.d+1 from n join up on n.id = up.id where n.parent is not null) select id, new.id, d from up; end;",
        "insert into n values(1,null)",
        "insert into n values(2,1)",
        "insert into n values(3,2)",
        "insert into n values(4,2)",
        remarks=True,
    ),
    case(
        "a subtree that goes by a recursive WITH",
        "create table n(id integer primary key, parent int);"
        "create table m(id int, note text);"
        "create trigger t before delete on n begin delete from m where id in (with recursive d(x) as (select old.id union select n.id from n join d on n.parent = d.x) select x from d); end;",
        "insert into n values(1,null),(2,1),(3,2),(4,null)",
        "insert into m values(1,'a'),(2,'b'),(3,'c'),(4,'d')",
        "delete from n where id = 2",
    ),
    case(
        "a slug made unique",
        "create table posts(id integer primary key, title text, slug text);"
        "create trigger s after insert on posts when new.slug is null or new.slug = '' begin update posts set slug = trim(lower(replace(replace(new.title, ' ', '-'), '''', '')), '-') || case when exists(select 1 from posts where slug = lower(replace(new.title,' ','-')) and id <> new.id) then '-' || new.id else '' end where id = new.id; end;",
        "insert into posts(title) values('Hello World')",
        "insert into posts(title) values('Hello World')",
        "insert into posts(title,slug) values('It''s','')",
        remarks=True,
    ),
    case(
        "several checks by CASE",
        "create table u(id integer primary key, email text, age int);"
        "create trigger v before insert on u begin select case when new.email not like '%_@__%.__%' then raise(abort,'Invalid email') when length(new.email) > 40 then raise(abort,'too long') when new.age not between 0 and 150 then raise(abort,'age') end; end;",
        "insert into u values(1,'a@bc.de',5)",
        "insert into u values(2,'bad',5)",
        "insert into u values(3,'a@bc.de',200)",
        "insert into u values(4,null,null)",
    ),
    case(
        "a check by GLOB",
        "create table u(id integer primary key, code text);"
        "create trigger v before insert on u when new.code not glob '[A-Z][A-Z]-[0-9]*' begin select raise(fail, 'code'); end;",
        "insert into u values(1,'AB-1')",
        "insert into u values(2,'ab-1')",
        remarks=True,
    ),
    case(
        "statistics kept by ON CONFLICT DO UPDATE",
        "create table ev(id integer primary key, user int, pts int, d date);"
        "create table st(user int, d date, n int default 0, s int default 0, mx int, primary key(user,d));"
        "create trigger t after insert on ev begin insert into st(user,d,n,s,mx) values(new.user,new.d,1,new.pts,new.pts) on conflict(user,d) do update set n=n+1, s=s+excluded.s, mx=max(mx,excluded.mx); end;",
        "insert into ev values(1,1,5,'2024-01-01'),(2,1,9,'2024-01-01')",
        "insert into ev values(3,1,2,'2024-01-01'),(4,2,1,'2024-01-02')",
    ),
    case(
        "ON CONFLICT DO UPDATE after a grouped SELECT",
        "create table ev(id integer primary key, tag text, n int);"
        "create table tot(tag text primary key, n int);"
        "create trigger t after insert on ev begin insert into tot(tag,n) select tag, sum(n) from ev where tag = new.tag group by tag on conflict(tag) do update set n = excluded.n; end;",
        "insert into ev values(1,'a',5)",
        "insert into ev values(2,'a',6)",
        "insert into ev values(3,'b',1)",
        remarks=True,
    ),
    case(
        "numbered versions in a history table",
        "create table doc(id integer primary key, body text);"
        "create table hist(doc_id int, ver int, body text, primary key(doc_id,ver));"
        "create trigger t before update of body on doc when old.body is not new.body begin insert into hist select old.id, ifnull((select max(ver) from hist where doc_id=old.id),0)+1, old.body; end;",
        "insert into doc values(1,'a'),(2,'b')",
        "update doc set body='c'",
        "update doc set body='d' where id=1",
    ),
    case(
        "the last rows kept by NOT IN with LIMIT",
        "create table lg(id integer primary key, v text);"
        "create trigger t after insert on lg begin delete from lg where id not in (select id from lg order by id desc limit 3); end;",
        "insert into lg(v) values('0')",
        "insert into lg(v) values('1')",
        "insert into lg(v) values('2')",
        "insert into lg(v) values('3')",
        "insert into lg(v) values('4')",
        "insert into lg(v) values('5')",
        remarks=True,
    ),
    case(
        "the last rows kept by WHEN with a count",
        "create table lg(id integer primary key, v text);"
        "create trigger t after insert on lg when (select count(*) from lg) > 3 begin delete from lg where id = (select min(id) from lg); end;",
        "insert into lg(v) values('0')",
        "insert into lg(v) values('1')",
        "insert into lg(v) values('2')",
        "insert into lg(v) values('3')",
        "insert into lg(v) values('4')",
        "insert into lg(v) values('5')",
        remarks=True,
    ),
    case(
        "LIMIT by an expression",
        "create table lg(id integer primary key, v text);"
        "create trigger t after insert on lg begin delete from lg where id in (select id from lg order by id limit max(0, (select count(*) from lg) - 2)); end;",
        "insert into lg(v) values('0')",
        "insert into lg(v) values('1')",
        "insert into lg(v) values('2')",
        "insert into lg(v) values('3')",
        "insert into lg(v) values('4')",
        remarks=True,
    ),
    case(
        "ranks by a window function",
        "create table sc(id integer primary key, pts int, rk int);"
        "create trigger t after insert on sc begin update sc set rk = (select r from (select id, rank() over (order by pts desc) as r from sc) q where q.id = sc.id); end;",
        "insert into sc(id,pts) values(1,5)",
        "insert into sc(id,pts) values(2,9)",
        "insert into sc(id,pts) values(3,5)",
        remarks=True,
    ),
    case(
        "positions in a list",
        "create table it(id integer primary key, list int, pos int);"
        "create trigger t after insert on it when new.pos is null begin update it set pos = (select coalesce(max(pos),0)+1 from it where list=new.list) where id=new.id; end;"
        "create trigger d after delete on it begin update it set pos = pos-1 where list=old.list and pos>old.pos; end;",
        "insert into it(id,list) values(1,1)",
        "insert into it(id,list) values(2,1)",
        "insert into it(id,list) values(3,1)",
        "delete from it where id=1",
        remarks=True,
    ),
    case(
        "INSERT from UNION and UNION ALL",
        "create table a(id integer primary key, x int, y int);"
        "create table e(src int, dst int);"
        "create trigger t after insert on a begin insert into e(src,dst) select new.x, new.y union all select new.y, new.x; end;"
        "create trigger u after delete on a begin insert into e select old.x, 0 union select old.x, 0; end;",
        "insert into a values(1,2,3)",
        "delete from a",
    ),
    case(
        "INSERT of several rows",
        "create table a(id integer primary key, x int);"
        "create table e(k text, v int);"
        "create trigger t after insert on a begin insert into e values('x',new.x),('sq',new.x*new.x),('id',new.id); end;",
        "insert into a values(1,4)",
    ),
    case(
        "WHEN EXISTS with a join",
        SHOP
        + "create trigger t before insert on products when exists(select 1 from products p join cats c on c.id=p.cat_id where c.id=new.cat_id and p.name=new.name) begin select raise(abort,'dup in category'); end;",
        CATS,
        PRODUCTS,
        "insert into products(id,name,cat_id) values(9,'Mug',2)",
        "insert into products(id,name,cat_id) values(9,'Mug',1)",
    ),
    case(
        "RAISE for a group",
        "create table m(id integer primary key, g int);"
        "create trigger t after insert on m begin select raise(abort,'full') from m group by g having count(*)>2; end;",
        "insert into m values(1,1),(2,1),(3,2)",
        "insert into m values(4,1)",
        remarks=True,
    ),
    case(
        "RAISE in CASE for each row of a query",
        SHOP
        + "create trigger t before update on products begin select case when c.n >= 1 and c.id = 1 then raise(abort,'one') when c.n >= 1 then raise(abort,'two') end from cats c where c.id = new.cat_id; end;",
        CATS,
        PRODUCTS,
        "update cats set n=1 where id=2",
        "update products set price=1 where id=3",
        "update products set price=1 where id=1",
        "update cats set n=1 where id=1",
        "update products set price=1 where id=1",
        remarks=True,
    ),
    case(
        "RAISE in what UPDATE sets",
        "create table a(id integer primary key, n int);"
        "create table b(id integer primary key, n int);"
        "create trigger t after insert on a begin update b set n = case when n + new.n < 0 then raise(abort,'negative') else n + new.n end where id = 1; end;",
        "insert into b values(1,5)",
        "insert into a values(1,-3)",
        "insert into a values(2,-3)",
    ),
    case(
        "RAISE where a subquery finds nothing",
        "create table a(id integer primary key, n int);"
        "create table b(k text primary key, n int);"
        "create table l(n int);"
        "create trigger t after insert on a begin insert into l values(ifnull((select n from b where k='x'), raise(abort,'no x'))); end;",
        "insert into a values(1,1)",
        "insert into b values('x',7)",
        "insert into a values(2,1)",
    ),
    case(
        "bookings that may not overlap",
        "create table a(id integer primary key, s text, e text, room int);"
        "create trigger t before insert on a begin select raise(rollback,'overlap') where exists(select 1 from a where room=new.room and s < new.e and e > new.s); end;",
        "insert into a values(1,'09:00','10:00',1)",
        "insert into a values(2,'09:30','10:30',1)",
        "insert into a values(3,'10:00','10:30',1)",
    ),
    case(
        "the first of several times",
        SHOP
        + "create trigger t after insert on products when new.updated_at is null begin update products set updated_at = coalesce(new.updated_at, new.created_at, '2020-01-01 00:00:00') where id=new.id; end;",
        "insert into products(id,name,created_at) values(1,'a','2024-05-06 07:08:09')",
    ),
    case(
        "times moved by days and months",
        "create table a(id integer primary key, at datetime, due datetime, d date);"
        "create trigger t after insert on a begin update a set due = datetime(new.at, '+7 days'), d = date(new.at, '+1 month') where id=new.id; end;",
        "insert into a(id,at) values(1,'2024-01-31 10:00:00'),(2,null)",
    ),
    case(
        "parts of a time as text and as number",
        "create table a(id integer primary key, at datetime, ym text, y int);"
        "create trigger t after insert on a begin update a set ym = strftime('%Y-%m', new.at), y = cast(strftime('%Y', new.at) as integer) where id=new.id; end;",
        "insert into a(id,at) values(1,'2024-01-31 10:00:00')",
    ),
    case(
        "iif() in iif()",
        "create table a(id integer primary key, n int, s text);"
        "create trigger t after insert on a begin update a set s = iif(new.n > 0, 'pos', iif(new.n < 0, 'neg', 'zero')) where id=new.id; end;",
        "insert into a(id,n) values(1,1),(2,-1),(3,0),(4,null)",
    ),
    case(
        "equality under NOCASE",
        "create table u(id integer primary key, email text collate nocase);"
        "create trigger t before insert on u when exists(select 1 from u where email = new.email) begin select raise(abort,'exists'); end;",
        "insert into u values(1,'A@b')",
        "insert into u values(2,'a@B')",
    ),
    case(
        "an invoice's number by printf()",
        "create table inv(id integer primary key, no text);"
        "create trigger t after insert on inv begin update inv set no = printf('INV-%05d', new.id) where id=new.id; end;",
        "insert into inv(id) values(7)",
    ),
    case(
        "an amount by printf()",
        "create table inv(id integer primary key, x real, s text);"
        "create trigger t after insert on inv begin update inv set s = printf('%.2f EUR', new.x) where id=new.id; end;",
        "insert into inv(id,x) values(7,2.5)",
    ),
    case(
        "tags in one text",
        "create table tag(id integer primary key, p int, t text);"
        "create table p(id integer primary key, tags text);"
        "create trigger t after insert on tag begin update p set tags = (select group_concat(t, ', ') from tag where p = new.p) where id=new.p; end;",
        "insert into p(id) values(1)",
        "insert into tag values(1,1,'a')",
        "insert into tag values(2,1,'b')",
        remarks=True,
    ),
    case(
        "tags in one JSON array",
        "create table tag(id integer primary key, p int, t text);"
        "create table p(id integer primary key, tags text);"
        "create trigger t after insert on tag begin update p set tags = (select json_group_array(t) from tag where p = new.p) where id=new.p; end;",
        "insert into p(id) values(1)",
        "insert into tag values(1,1,'a')",
        "insert into tag values(2,1,'b\"')",
        remarks=True,
    ),
    case(
        "values in one JSON object",
        "create table kv(p int, k text, v int, primary key(p,k));"
        "create table p(id integer primary key, o text);"
        "create trigger t after insert on kv begin update p set o = (select json_group_object(k, v) from kv where p = new.p) where id=new.p; end;",
        "insert into p(id) values(1)",
        "insert into kv values(1,'a',1)",
        "insert into kv values(1,'b',null)",
        remarks=True,
    ),
    case(
        "JSON in JSON, from subqueries too",
        SHOP
        + "create trigger t after insert on products begin insert into audit(tbl,new_data,at) values('p', json_object('id', new.id, 'cat', json_object('id', new.cat_id, 'name', (select name from cats where id=new.cat_id)), 'all', (select json_group_array(id) from cats)), '2020-01-01 00:00:00'); end;",
        CATS,
        PRODUCTS,
    ),
    case(
        "values out of JSON",
        SHOP
        + "create trigger t after insert on products when json_extract(new.meta, '$.kind') = 'x' begin insert into audit(tbl,row_id,new_data,at) values(json_extract(new.meta,'$.kind'), json_extract(new.meta,'$.n'), new.meta ->> '$.s', '2020-01-01 00:00:00'); end;",
        'insert into products(id,name,meta) values(1,\'a\',\'{"kind":"x","n":5,"s":"t"}\')',
        "insert into products(id,name,meta) values(2,'a','{\"kind\":\"y\"}')",
        remarks=True,
    ),
    case(
        "rows out of a JSON array",
        "create table p(id integer primary key, tags text);"
        "create table tag(p int, t text);"
        "create trigger t after insert on p begin insert into tag select new.id, value from json_each(new.tags); end;"
        "create trigger d after update of tags on p begin delete from tag where p = old.id; insert into tag(p,t) select new.id, j.value from json_each(new.tags) j where j.value <> ''; end;",
        'insert into p values(1,\'["a","b"]\')',
        'update p set tags=\'["c",""]\'',
    ),
    case(
        "INSERT OR IGNORE from a SELECT",
        "create table a(id integer primary key, s text);"
        "create table w(s text primary key);"
        "create trigger t after insert on a begin insert or ignore into w select lower(s) from a; end;",
        "insert into a values(1,'X')",
        "insert into a values(2,'x'),(3,'y')",
        remarks=True,
    ),
    case(
        "REPLACE INTO",
        "create table a(id integer primary key, k text, v text);"
        "create table last(k text primary key, v text, n int default 3);"
        "create trigger t after insert on a begin replace into last(k,v) values(new.k,new.v); end;",
        "insert into a values(1,'x','1'),(2,'x','2')",
    ),
    case(
        "INSERT OR REPLACE from a grouped SELECT",
        "create table a(id integer primary key, k text, n int);"
        "create table s(k text primary key, n int);"
        "create trigger t after insert on a begin insert or replace into s(k,n) select k, sum(n) from a where k=new.k group by k; end;",
        "insert into a values(1,'x',1)",
        "insert into a values(2,'x',2)",
        remarks=True,
    ),
    case(
        "INSERT OR REPLACE beside a number of the server",
        "create table a(id integer primary key, k text, n int);"
        "create table s(id integer primary key , k text unique, n int);"
        "create trigger t after insert on a begin insert or replace into s(k,n) values(new.k,new.n); end;",
        "insert into a values(1,'x',1)",
    ),
    case(
        "an updated time as PocketBase keeps it",
        "create table rec(id text primary key, created text default '', updated text default '', title text);"
        "create trigger t after update on rec begin update rec set updated = strftime('%Y-%m-%d', '2024-01-01') where id = old.id; end;",
        "insert into rec(id,title) values('r1','x')",
        "update rec set title='y'",
        guarded=("t",),
    ),
    case(
        "a log beside tables of Django",
        'create table "app_order"("id" integer not null primary key , "status" text not null, "total" numeric not null);'
        'create table "app_orderlog"("id" integer not null primary key , "order_id" integer not null, "status" text not null);'
        'create trigger "app_order_log" after update of "status" on "app_order" for each row when (old."status" <> new."status") begin insert into "app_orderlog" ("order_id", "status") values (new."id", new."status"); end;',
        "insert into app_order(status,total) values('new',1.5)",
        "update app_order set status='paid'",
    ),
    case(
        "INSTEAD OF as Actual Budget has it, of a column too",
        "create table transactions(id text primary key, acct text, amount int, category text, tombstone int default 0);"
        "create table cat_map(id text primary key, transferid text);"
        "create view v_tr as select t.id as id, t.acct as acct, t.amount as amount, m.transferid as category from transactions t left join cat_map m on m.id = t.category where t.tombstone = 0;"
        "create trigger vi instead of insert on v_tr begin insert into transactions(id,acct,amount,category) values(new.id,new.acct,new.amount,new.category); end;"
        "create trigger vd instead of delete on v_tr begin update transactions set tombstone=1 where id=old.id; end;"
        "create trigger vu instead of update of amount on v_tr begin update transactions set amount=new.amount where id=new.id; end;",
        "insert into cat_map values('c','c2')",
        "insert into v_tr(id,acct,amount,category) values('a','x',5,'c'),('b','y',6,'d')",
        "update v_tr set amount=amount+1",
        "delete from v_tr where id='a'",
        "update v_tr set amount=100",
        remarks=True,
    ),
    case(
        "columns set from one subquery",
        "create table a(id integer primary key, x int, y int);"
        "create table b(id integer primary key, x int, y int);"
        "create trigger t after update on a begin update b set (x,y) = (select x, y from a where a.id=b.id) where id=new.id; end;",
        "insert into a values(1,1,2)",
        "insert into b values(1,0,0)",
        "update a set x=9",
        remarks=True,
    ),
    case(
        "IN with row values",
        "create table a(x int, y int);"
        "create table b(x int, y int, n int);"
        "create trigger t after insert on a begin update b set n = 1 where (x,y) in (select x,y from a); end;",
        "insert into b values(1,2,0)",
        "insert into a values(1,2)",
        remarks=True,
    ),
    case(
        "IS NOT between row values",
        "create table a(id integer primary key, x int, y int, n int default 0);"
        "create trigger t after update on a when (old.x,old.y) is not (new.x,new.y) begin update a set n = n+1 where id=new.id; end;",
        "insert into a(id,x,y) values(1,1,1)",
        "update a set x=2",
        "update a set n=7",
        guarded=("t",),
    ),
    case(
        "total() of products",
        "create table l(id integer primary key, o int, q real, p real);"
        "create table o(id integer primary key, t real);"
        "create trigger t after insert on l begin update o set t = (select total(q*p) from l where o = new.o) where id = new.o; end;",
        "insert into o values(1,0)",
        "insert into l values(1,1,2,1.5)",
        "insert into l values(2,1,1,0.25)",
        remarks=True,
    ),
    case(
        "an average and a distinct count",
        "create table r(id integer primary key, p int, s int);"
        "create table p(id integer primary key, avg real, cnt int);"
        "create trigger t after insert on r begin update p set avg = (select round(avg(s),2) from r where p = new.p), cnt = (select count(distinct s) from r where p=new.p) where id=new.p; end;",
        "insert into p(id) values(1)",
        "insert into r values(1,1,4)",
        "insert into r values(2,1,5),(3,1,5)",
        remarks=True,
    ),
    case(
        "the first and the last day",
        "create table e(id integer primary key, t int, d date);"
        "create table t(id integer primary key, f date, l date);"
        "create trigger x after insert on e begin update t set f = (select min(d) from e where t = new.t), l = (select max(d) from e where t = new.t) where id=new.t; end;",
        "insert into t(id) values(1)",
        "insert into e values(1,1,'2024-03-01'),(2,1,'2024-01-01')",
        remarks=True,
    ),
    case(
        "INSERT from a SELECT leaves defaults",
        "create table a(id integer primary key, v text);"
        "create table q(id integer primary key, kind text default 'new', v text);"
        "create trigger t after insert on a begin insert into q(v) select v from a where id=new.id; end;",
        "insert into a values(1,'x')",
        remarks=True,
    ),
    case(
        "WITH in a subquery",
        "create table a(id integer primary key, v int);"
        "create table s(id integer primary key, m int);"
        "create trigger t after insert on a begin update s set m = (with top as (select v from a order by v desc limit 2) select min(v) from top) where id=1; end;",
        "insert into s values(1,0)",
        "insert into a values(1,5)",
        "insert into a values(2,7)",
        "insert into a values(3,6)",
        remarks=True,
    ),
    case(
        "LIKE with a pattern of the row",
        "create table f(id integer primary key, path text);"
        "create trigger t after delete on f begin delete from f where path like old.path || '/%'; end;",
        "insert into f values(1,'/a'),(2,'/a/b'),(3,'/ab')",
        "delete from f where id=1",
        remarks=True,
        guarded=("t",),
    ),
    case(
        "paths below that are renamed too",
        "create table f(id integer primary key, path text);"
        "create trigger t after update of path on f begin update f set path = new.path || substr(path, length(old.path)+1) where path like old.path || '/%'; end;",
        "insert into f values(1,'/a'),(2,'/a/b'),(3,'/ab')",
        "update f set path='/z' where id=1",
        remarks=True,
        guarded=("t",),
    ),
    case(
        "states that may follow each other",
        "create table o(id integer primary key, st text);"
        "create trigger t before update of st on o when not ((old.st='new' and new.st in ('paid','void')) or (old.st='paid' and new.st='sent') or old.st = new.st) begin select raise(abort,'bad transition'); end;",
        "insert into o values(1,'new')",
        "update o set st='sent'",
        "update o set st='paid'",
        "update o set st='sent'",
    ),
    case(
        "flags out of bits",
        "create table o(id integer primary key, f int, a boolean, b boolean);"
        "create trigger t after insert on o begin update o set a = (new.f & 1) <> 0, b = (new.f & 2) = 2 where id=new.id; end;",
        "insert into o(id,f) values(1,1),(2,2),(3,3)",
    ),
    case(
        "a text in double quotes",
        "create table o(id integer primary key, v text);"
        "create table l(t text);"
        'create trigger t after insert on o begin insert into l values("inserted"); end;',
        "insert into o values(1,'a')",
    ),
    case(
        "INSTEAD OF UPDATE that sets some columns",
        "create table a(id integer primary key, v text, w text);"
        "create view va as select id, v, upper(w) as w from a;"
        "create trigger u instead of update on va begin update a set v = coalesce(new.v, v), w = case when new.w is not old.w then new.w else w end where id = old.id; end;",
        "insert into a values(1,'x','q')",
        "update va set v=null",
        "update va set w='Z'",
    ),
    case(
        "RAISE from a SELECT with LIMIT",
        "create table per(id integer primary key, s date, e date);"
        "create trigger t before insert on per begin select raise(abort,'s>e') where new.s > new.e; select raise(abort,'overlap') from per where new.s <= e and new.e >= s limit 1; end;",
        "insert into per values(1,'2024-01-01','2024-01-31')",
        "insert into per values(2,'2024-01-15','2024-02-15')",
        "insert into per values(3,'2024-02-15','2024-02-01')",
    ),
    case(
        "JSON into a JSON column",
        "create table a(id integer primary key, v text, j json);"
        "create trigger t after insert on a begin update a set j = json_object('l', json_array(new.id, 'x'), 'v', new.v) where id=new.id; end;",
        "insert into a(id,v) values(1,'q')",
    ),
    case(
        "a job that is claimed once",
        "create table job(id integer primary key, st text default 'q', pri int default 0);"
        "create table w(id integer primary key, job int);"
        "create trigger t after insert on w begin update w set job = (select id from job where st='q' order by pri desc, id limit 1) where id=new.id; update job set st='run' where id = (select job from w where id=new.id); end;",
        "insert into job(id,pri) values(1,0),(2,5)",
        "insert into w(id) values(1)",
        "insert into w(id) values(2)",
        "insert into w(id) values(3)",
        remarks=True,
    ),
    case(
        "INSERT from EXCEPT",
        "create table a(id integer primary key, x int);"
        "create table b(x int);"
        "create table o(x int);"
        "create trigger t after insert on a begin delete from o; insert into o select x from a except select x from b; end;",
        "insert into b values(1)",
        "insert into a values(1,1)",
        "insert into a values(2,5)",
        remarks=True,
    ),
    case(
        "numbers of every form in a text",
        "create table a(id integer primary key, r real, n numeric);"
        "create table l(s text);"
        "create trigger t after update on a begin insert into l values('r: ' || old.r || ' -> ' || new.r || ', n: ' || new.n); end;",
        "insert into a values(1,1.5,2)",
        "update a set r=2, n=2.5",
        "update a set r=1e20",
    ),
    case(
        "fields out of an array of JSON objects",
        "create table a(id integer primary key, j text);"
        "create table o(k text, n int);"
        "create trigger t after insert on a begin insert into o select json_extract(value,'$.k'), json_extract(value,'$.n') from json_each(new.j); end;",
        'insert into a values(1,\'[{"k":"a","n":1},{"k":"b","n":2}]\')',
        remarks=True,
    ),
    case(
        "seconds since 1970",
        "create table a(id integer primary key, at datetime, e int);"
        "create trigger t after insert on a begin update a set e = unixepoch(new.at), at = datetime(1700000000,'unixepoch') where id=new.id; end;",
        "insert into a(id,at) values(1,'2024-01-01 00:00:00')",
    ),
    case(
        "last_insert_rowid() in a SELECT",
        "create table o(id integer primary key, n text);"
        "create table l(id integer primary key, o int);"
        "create table d(l int, k text);"
        "create trigger t after insert on o begin insert into l(o) values(new.id); insert into d select last_insert_rowid(), 'x'; end;",
        "insert into o values(5,'a')",
    ),
    case(
        "GROUP BY, HAVING by an alias, and ORDER BY",
        "create table s(id integer primary key, c text, n int);"
        "create table big(c text primary key, n int);"
        "create trigger t after insert on s begin delete from big; insert into big select c, sum(n) as tot from s group by c having tot > 10 order by tot desc; end;",
        "insert into s values(1,'a',5),(2,'b',20)",
        "insert into s values(3,'a',6)",
        remarks=True,
    ),
    case(
        "JOIN USING",
        "create table u(uid integer primary key, name text);"
        "create table o(oid integer primary key, uid int, t int);"
        "create table r(name text, t int);"
        "create trigger x after insert on o begin insert into r select name, sum(t) from u join o using(uid) where uid = new.uid group by uid; end;",
        "insert into u values(1,'a')",
        "insert into o values(1,1,5)",
        "insert into o values(2,1,6)",
        remarks=True,
    ),
    case(
        "a number out of a text",
        "create table s(k text primary key, v text);"
        "create trigger t after update on s when new.k = 'n' begin update s set v = cast(new.v as integer) + 1 where k = 'm'; end;",
        "insert into s values('n','5'),('m','0')",
        "update s set v='41' where k='n'",
        remarks=True,
        guarded=("t",),
    ),
    case(
        "days between two dates",
        "create table a(id integer primary key, s date, e date, days int);"
        "create trigger t after insert on a begin update a set days = cast(julianday(new.e) - julianday(new.s) as integer) where id=new.id; end;",
        "insert into a(id,s,e) values(1,'2024-01-01','2024-03-01')",
    ),
    case(
        "arithmetic of real numbers",
        "create table a(id integer primary key, x real, y real, z real);"
        "create trigger t after insert on a begin update a set z = round(max(abs(new.x), min(new.y, 100)), 1) where id=new.id; end;",
        "insert into a(id,x,y) values(1,-3.26,2)",
    ),
    case(
        "parts of an address",
        "create table a(id integer primary key, email text, dom text, usr text);"
        "create trigger t after insert on a begin update a set dom = substr(new.email, instr(new.email,'@')+1), usr = substr(new.email,1,instr(new.email,'@')-1) where id=new.id; end;",
        "insert into a(id,email) values(1,'joe@x.org')",
    ),
    case(
        "ON CONFLICT DO NOTHING after a SELECT",
        "create table a(id integer primary key, v text);"
        "create table u(v text primary key);"
        "create trigger t after insert on a begin insert into u(v) select new.v where new.v is not null on conflict(v) do nothing; end;",
        "insert into a values(1,'x'),(2,'x'),(3,null)",
    ),
    case(
        "ON CONFLICT DO UPDATE with a condition",
        "create table a(id integer primary key, v text, n int);"
        "create table u(v text primary key, n int);"
        "create trigger t after insert on a begin insert into u(v,n) values(new.v,new.n) on conflict(v) do update set n=excluded.n where excluded.n > u.n; end;",
        "insert into a values(1,'x',5)",
        "insert into a values(2,'x',3)",
        "insert into a values(3,'x',9)",
    ),
    case(
        "a path by a recursive WITH",
        "create table c(id integer primary key, p int, name text, path text);"
        "create trigger t after insert on c begin update c set path = (with recursive up(id,p,s) as (select new.id, new.p, new.name union all select c.id, c.p, c.name || '/' || up.s from c join up on c.id = up.p) select s from up where p is null) where id = new.id; end;",
        "insert into c(id,p,name) values(1,null,'a')",
        "insert into c(id,p,name) values(2,1,'b')",
        "insert into c(id,p,name) values(3,2,'c')",
        remarks=True,
    ),
    case(
        "a circle that is refused",
        "create table c(id integer primary key, p int);"
        "create trigger t before update of p on c begin select raise(abort,'cycle') where new.id in (with recursive up(x) as (select new.p union select c.p from c join up on c.id = up.x) select x from up); end;",
        "insert into c values(1,null),(2,1),(3,2)",
        "update c set p=3 where id=1",
        "update c set p=1 where id=3",
    ),
    case(
        "INSERT of running sums",
        "create table a(id integer primary key, g int, n int);"
        "create table o(id int, rn int, run int);"
        "create trigger t after update on a begin delete from o; insert into o select id, row_number() over (partition by g order by n), sum(n) over (partition by g order by n, id) from a; end;",
        "insert into a values(1,1,5),(2,1,3),(3,2,9)",
        "update a set n = n + 1 where id=1",
        remarks=True,
    ),
    case(
        "FILTER",
        "create table a(id integer primary key, st text);"
        "create table o(k int, d int);"
        "create trigger t after insert on a begin delete from o; insert into o select count(*), count(*) filter (where st='done') from a; end;",
        "insert into a values(1,'x')",
        "insert into a values(2,'done')",
        remarks=True,
    ),
    case(
        "UPDATE OR ABORT",
        "create table a(id integer primary key, v text, n int);"
        "create trigger t after update on a begin update or abort a set n = 1 where id=new.id and v is null; end;",
        "insert into a values(1,null,0)",
        "update a set v=null",
        guarded=("t",),
    ),
    case(
        "row values in lists and orders",
        "create table a(id integer primary key, x int, y int);"
        "create table o(id int, k text);"
        "create trigger t after insert on a begin insert into o select id, 'lt' from a where (x,y) < (new.x,new.y); insert into o select id, 'in' from a where (x,y) in (values (1,2),(3,4)); insert into o select id, 'l' from a where (x,y) = (1,2) or (x, y) <> (3,4); end;",
        "insert into a values(1,1,2)",
        "insert into a values(2,1,3)",
        "insert into a values(3,3,4)",
        "insert into a values(4,null,4)",
        remarks=True,
    ),
    case(
        "RAISE inside of an aggregate and of a compound",
        "create table a(id integer primary key, n int);"
        "create trigger t after insert on a begin"
        " select max(case when n < 0 then raise(abort, 'negative') else n end) from a;"
        " select raise(abort, 'large') where new.n > 100 union all select raise(abort, 'seven') where new.n = 7; end;",
        "insert into a values(1,1)",
        "insert into a values(2,-1)",
        "insert into a values(3,101)",
        "insert into a values(4,7)",
        "insert into a values(5,100)",
        remarks=True,
    ),
    case(
        "RAISE where a value is missing",
        "create table u(id integer primary key, name text); create table a(id integer primary key, uid int, name text);"
        "create trigger t before insert on a begin select coalesce((select id from u where id = new.uid), raise(abort, 'no user')); end;"
        "create trigger s after insert on a begin update a set name = coalesce((select name from u where id = new.uid), new.name, raise(abort, 'no name')) where id = new.id; end;",
        "insert into u values(1,'x'),(2,null)",
        "insert into a(id,uid) values(1,1)",
        "insert into a(id,uid) values(2,9)",
        "insert into a(id,uid) values(3,2)",
        "insert into a(id,uid,name) values(4,2,'own')",
    ),
    case(
        "nested CASE that ends without RAISE goes no further",
        "create table a(id integer primary key, n int, m int);"
        "create trigger t before insert on a begin select case when new.n > 0 then case new.m when 1 then raise(abort, 'one') end"
        " when new.m = 2 then raise(abort, 'two') else raise(ignore) end; end;",
        "insert into a values(1,1,1)",
        "insert into a values(2,1,2)",
        "insert into a values(3,0,2)",
        "insert into a values(4,0,3)",
    ),
]
