"""What keeps VACUUM from removing dead rows and freezing old ones: whoever may still want to see them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from litelift.monitor.look import Look

Kind = Literal["session", "standby", "slot", "prepared"]


class Holder(NamedTuple):
    """The one that looks back furthest ("Preventing Transaction ID Wraparound Failures" lists all of these)."""

    kind: Kind
    name: str
    """The process, the standby's application_name, the slot's name, or the transaction's."""
    age: int
    """Transactions that have begun since what it may still see."""
    since: float | None
    """Seconds since it began; None for what does not say."""


# A session of another database holds nothing back here, but for what all databases share.
_HOLDERS = """
    select * from (
        select case when backend_type = 'walsender' then 'standby' else 'session' end as kind,
               case when backend_type = 'walsender' then application_name else pid::text end as name,
               greatest(age(backend_xmin), age(backend_xid)) as age,
               extract(epoch from clock_timestamp() - xact_start)::float8 as since
        from pg_stat_activity
        where pid <> pg_backend_pid() and (datname = current_database() or backend_type = 'walsender')
          and backend_type <> 'autovacuum worker'
        union all
        select 'slot', slot_name, greatest(age(xmin), age(catalog_xmin)), null from pg_replication_slots
        where not temporary and active_pid is null
        union all
        select 'prepared', gid, age(transaction), extract(epoch from clock_timestamp() - prepared)::float8
        from pg_prepared_xacts where database = current_database()
    ) as holders
    where age is not null order by age desc limit 1
"""


def oldest_holder(look: Look) -> Holder | None:
    """Who holds it back most; None where nobody does, as far as the login may see. Raises psycopg.Error."""
    found = look.rows(_HOLDERS)
    return Holder(*found[0]) if found else None
