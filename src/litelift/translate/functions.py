"""Functions that PostgreSQL lacks, for the schema ``litelift``. Each is IMMUTABLE where an index may need it."""

from __future__ import annotations

SCHEMA = "litelift"

FUNCTIONS: dict[str, str] = {
    "json_valid": """\
CREATE OR REPLACE FUNCTION litelift.json_valid(value text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
BEGIN
    PERFORM value::json;
    RETURN true;
EXCEPTION WHEN others THEN
    RETURN false;
END
$body$""",
    "read_time": """\
CREATE OR REPLACE FUNCTION litelift.read_time(value text) RETURNS timestamp without time zone
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
-- A text in one of SQLite's date and time formats, in UTC; NULL for any other text.
DECLARE
    p text[];
    moment timestamp;
BEGIN
    p := regexp_match(value, '^([0-9]{4})-([0-9]{2})-([0-9]{2})'
        || '(?:[ T]+([0-9]{2}):([0-9]{2})(?::([0-9]{2}(?:[.][0-9]+)?))?'
        || '[ ]*(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))?[ ]*)?$');
    IF p IS NULL THEN
        p := regexp_match(value, '^()()()([0-9]{2}):([0-9]{2})(?::([0-9]{2}(?:[.][0-9]+)?))?'
            || '[ ]*(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))?[ ]*$');
        IF p IS NULL THEN
            RETURN NULL;
        END IF;
        p[1] := '2000';
        p[2] := '01';
        p[3] := '01';
    END IF;
    IF p[2]::int NOT BETWEEN 1 AND 12 OR p[3]::int NOT BETWEEN 1 AND 31 OR coalesce(p[4]::int, 0) > 24
        OR coalesce(p[5]::int, 0) > 59 OR coalesce(p[6]::numeric, 0) >= 60 OR coalesce(p[8]::int, 0) > 14 THEN
        RETURN NULL;
    END IF;
    -- SQLite takes 30 February and lets it run over into March.
    moment := make_timestamp(greatest(p[1]::int, 1), p[2]::int, 1, 0, 0, 0)
        + make_interval(days => p[3]::int - 1, hours => coalesce(p[4]::int, 0), mins => coalesce(p[5]::int, 0),
            secs => coalesce(round(p[6]::numeric, 3), 0)::double precision);
    IF p[7] IS NOT NULL THEN
        moment := moment - (p[7] || '1')::int * make_interval(hours => p[8]::int, mins => p[9]::int);
    END IF;
    RETURN moment;
END
$body$""",
    "json_text": """\
CREATE OR REPLACE FUNCTION litelift.json_text(document json, path text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
-- What SQLite's json_extract() finds at a path, as text: true is 1, a null is NULL, an object keeps its form.
DECLARE
    found json := document;
    rest text := substr(path, 2);
    p text[];
BEGIN
    IF left(path, 1) <> '$' THEN
        RAISE EXCEPTION 'expected a JSON path that begins with $; got %', path;
    END IF;
    WHILE rest <> '' AND found IS NOT NULL LOOP
        p := regexp_match(rest, '^([.](?:"([^"]*)"|([^."[]+))|[[]([0-9]+)[]]|[[]#-([1-9][0-9]*)[]])');
        IF p IS NULL THEN
            RAISE EXCEPTION 'expected a JSON path; got %', path;
        END IF;
        IF coalesce(p[2], p[3]) IS NOT NULL THEN
            found := CASE WHEN json_typeof(found) = 'object' THEN found -> coalesce(p[2], p[3]) END;
        ELSE
            found := CASE WHEN json_typeof(found) = 'array' THEN found -> coalesce(p[4]::int, -(p[5]::int)) END;
        END IF;
        rest := substr(rest, length(p[1]) + 1);
    END LOOP;
    RETURN CASE json_typeof(found) WHEN 'boolean' THEN (found::text)::boolean::int::text ELSE found #>> '{}' END;
END
$body$""",
    "randomblob": """\
CREATE OR REPLACE FUNCTION litelift.randomblob(size integer) RETURNS bytea
LANGUAGE sql VOLATILE PARALLEL SAFE AS $body$
SELECT substr(
    string_agg(decode(md5(random()::text || clock_timestamp()::text || piece::text), 'hex'), ''), 1, greatest(size, 1))
FROM generate_series(1, greatest(size, 1) / 16 + 1) AS piece
$body$""",
}
"""Each function's name and the statement that makes it."""
