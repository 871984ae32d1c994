"""The tables in which migration tools write down what they have done.

They differ between engines, and an application refuses to start on the other engine's; so the target's stay as they
are.
"""

from __future__ import annotations

from collections.abc import Iterable

# Lower-case name -> the tool, by its own default.
_TABLES = {
    "__diesel_schema_migrations": "Diesel",
    "__drizzle_migrations": "Drizzle",
    "__efmigrationshistory": "Entity Framework Core",
    "__efmigrationslock": "Entity Framework Core",
    "__migrationhistory": "Entity Framework 6",
    "_fluent_migrations": "Vapor Fluent",
    "_prisma_migrations": "Prisma",
    "_sqlx_migrations": "sqlx",
    "_yoyo_log": "yoyo",
    "_yoyo_migration": "yoyo",
    "_yoyo_version": "yoyo",
    "yoyo_lock": "yoyo",
    "adonis_schema": "AdonisJS",
    "adonis_schema_versions": "AdonisJS",
    "aerich": "Aerich",
    "alembic_version": "Alembic",
    "ar_internal_metadata": "Rails",
    "atlas_schema_revisions": "Atlas",
    "bun_migration_locks": "Bun",
    "bun_migrations": "Bun",
    "cake_migrations": "CakePHP",
    "databasechangelog": "Liquibase",
    "databasechangeloglock": "Liquibase",
    "directus_migrations": "Directus",
    "django_migrations": "Django",
    "doctrine_migration_versions": "Doctrine",
    "flyway_schema_history": "Flyway",
    "goose_db_version": "goose",
    "gorp_migrations": "sql-migrate",
    "grdb_migrations": "GRDB",
    "knex_migrations": "Knex",
    "knex_migrations_lock": "Knex",
    "kysely_migration": "Kysely",
    "kysely_migration_lock": "Kysely",
    "micrate_db_version": "micrate",
    "migratehistory": "peewee_migrate",
    "mikro_orm_migrations": "MikroORM",
    "payload_migrations": "Payload",
    "pgmigrations": "node-pg-migrate",
    "phinxlog": "Phinx",
    "refinery_schema_history": "refinery",
    "schema_migrations": "Rails, Ecto, golang-migrate or dbmate",
    "seaql_migrations": "SeaORM",
    "sequelizemeta": "Sequelize",
    "south_migrationhistory": "South",
    "strapi_database_schema": "Strapi",
    "strapi_migrations": "Strapi",
    "strapi_migrations_internal": "Strapi",
    "typeorm_metadata": "TypeORM",
    "typeorm_migrations": "TypeORM",
}

# Names that an application may well use for data of its own. Each is known by columns that nobody else would have ...
_BY_COLUMNS: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {
    "changelog": (("Evolve", frozenset({"checksum", "installed_on", "success"})),),
    "migration": (("Yii", frozenset({"version", "apply_time"})), ("Piccolo", frozenset({"app_name", "ran_on"}))),
    "migration_log": (("Grafana", frozenset({"migration_id", "sql", "success"})),),
    "migrations": (
        ("Laravel", frozenset({"migration", "batch"})),
        ("CodeIgniter", frozenset({"version", "class", "namespace"})),
        ("knex-migrator", frozenset({"name", "version", "currentversion"})),
    ),
    "migrations_lock": (("knex-migrator", frozenset({"lock_key", "locked"})),),
    "schema_version": (("Flyway", frozenset({"installed_rank", "checksum"})),),
    "schemaversions": (("DbUp", frozenset({"scriptname", "applied"})),),
}

# ... or, where the tool's columns are ordinary words, by having these columns and no other.
_BY_ALL_COLUMNS: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {
    "_migrations": (("PocketBase", frozenset({"file", "applied"})),),
    "applied_module_schemas": (("Synapse", frozenset({"module_name", "file"})),),
    "applied_schema_deltas": (("Synapse", frozenset({"version", "file"})),),
    "changelog": (("MyBatis Migrations", frozenset({"id", "applied_at", "description"})),),
    "db_migrations": (("morph", frozenset({"version", "name"})),),
    "migration": (("xormigrate", frozenset({"id", "description"})),),
    "migration_versions": (
        ("Doctrine", frozenset({"version"})),
        ("Doctrine", frozenset({"version", "executed_at"})),
    ),
    "migrations": (
        ("TypeORM", frozenset({"id", "timestamp", "name"})),
        ("db-migrate", frozenset({"id", "name", "run_on"})),
        ("postgres-migrations", frozenset({"id", "name", "hash", "executed_at"})),
        ("gormigrate", frozenset({"id"})),
    ),
    "schema_compat_version": (("Synapse", frozenset({"lock", "compat_version"})),),
    "schema_info": (("Sequel", frozenset({"version"})),),
    "schema_migration": (("Pop", frozenset({"version"})),),
    "schema_version": (("tern", frozenset({"version"})), ("Synapse", frozenset({"lock", "version", "upgraded"}))),
    "version": (("Gitea", frozenset({"id", "version"})),),
    "versioninfo": (("FluentMigrator", frozenset({"version", "appliedon", "description"})),),
}


def bookkeeping_tool(table_name: str, columns: Iterable[str] | None = None) -> str | None:
    """The migration tool that keeps its books in a table of this name, or None.

    Some tools use a name that an application may use for data (``migrations``, ``version``): with ``columns``, such a
    table counts only if it looks like the tool's. Both are compared without regard to case.
    """
    name = table_name.lower()
    if name in _TABLES:
        return _TABLES[name]
    # A second chain in one database has a name of its own after the same beginning or end (Alembic, Phinx's plugins).
    if name.startswith("alembic_version_"):
        return "Alembic"
    if name.endswith("_phinxlog"):
        return "Phinx"
    some, whole = _BY_COLUMNS.get(name, ()), _BY_ALL_COLUMNS.get(name, ())
    if columns is None:
        return next((tool for tool, _ in (*some, *whole)), None)
    held = frozenset(column.lower() for column in columns)
    known = [tool for tool, wanted in some if wanted <= held] + [tool for tool, wanted in whole if wanted == held]
    return known[0] if known else None


def is_bookkeeping(table_name: str, columns: Iterable[str] | None = None) -> bool:
    """Whether a migration tool keeps its books in this table; see :func:`bookkeeping_tool`."""
    return bookkeeping_tool(table_name, columns) is not None
