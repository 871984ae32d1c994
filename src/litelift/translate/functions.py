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
    "json_at": """\
CREATE OR REPLACE FUNCTION litelift.json_at(document json, path text) RETURNS json
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
-- What is at a JSON path of SQLite, in the form that it has there; NULL where nothing is.
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
    RETURN found;
END
$body$""",
    "json_shown": """\
CREATE OR REPLACE FUNCTION litelift.json_shown(value json) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $body$
-- The text of what SQLite makes of a JSON value: true is 1, a null is NULL, an object keeps its form.
SELECT CASE json_typeof(value) WHEN 'boolean' THEN (value::text)::boolean::int::text ELSE value #>> '{}' END
$body$""",
    "json_each": """\
CREATE OR REPLACE FUNCTION litelift.json_each(document json)
RETURNS TABLE (key text, value json, type text, atom json)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE ROWS 10 AS $body$
-- The members of a JSON array or object, or the one value, as SQLite's json_each() gives them.
DECLARE
    place bigint;
BEGIN
    FOR place, key, value IN
        SELECT a.n - 1, NULL, a.member FROM json_array_elements(
            CASE WHEN json_typeof(document) = 'array' THEN document ELSE '[]' END) WITH ORDINALITY AS a (member, n)
        UNION ALL
        SELECT NULL, o.name, o.member FROM json_each(
            CASE WHEN json_typeof(document) = 'object' THEN document ELSE '{}' END) AS o (name, member)
        UNION ALL
        SELECT NULL, NULL, document WHERE json_typeof(document) NOT IN ('array', 'object')
    LOOP
        key := coalesce(key, place::text);
        type := CASE json_typeof(value) WHEN 'string' THEN 'text' WHEN 'boolean' THEN value::text
            WHEN 'number' THEN CASE WHEN value::text ~ '[.eE]' THEN 'real' ELSE 'integer' END
            ELSE json_typeof(value) END;
        atom := CASE WHEN json_typeof(value) NOT IN ('array', 'object') THEN value END;
        RETURN NEXT;
    END LOOP;
END
$body$""",
    "real_text": """\
CREATE OR REPLACE FUNCTION litelift.real_text(value double precision) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
-- A real number as SQLite writes it: 15 significant digits, and always a point.
DECLARE
    digits text;
    power int;
BEGIN
    IF value = 'Infinity' OR value = '-Infinity' THEN
        RETURN CASE WHEN value > 0 THEN 'Inf' ELSE '-Inf' END;
    ELSIF value = 0 THEN
        RETURN '0.0';
    ELSIF abs(value) >= 1e-4 AND abs(value) < 1e15 THEN
        digits := trim_scale(value::numeric)::text;
        RETURN digits || CASE WHEN strpos(digits, '.') = 0 THEN '.0' ELSE '' END;
    END IF;
    digits := ltrim(to_char(value, '9.99999999999999EEEE'));
    power := substring(digits from 'e(.*)$')::int;
    digits := rtrim(substring(digits from '^[^e]*'), '0');
    RETURN digits || CASE WHEN digits ~ '[.]$' THEN '0' ELSE '' END || 'e' || CASE WHEN power < 0 THEN '-' ELSE '+' END
        || lpad(abs(power)::text, greatest(2, length(abs(power)::text)), '0');
END
$body$""",
    "rtree_bound": """\
CREATE OR REPLACE FUNCTION litelift.rtree_bound(value double precision, up boolean) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
-- A coordinate as an R*Tree keeps it: 0 for NULL, else rounded to 32 bits, away from the middle of the box.
DECLARE
    exact double precision := coalesce(value, 0);
    found double precision;
BEGIN
    FOR turn IN 1..2 LOOP
        -- Past the range of real the cast would fail.
        found := CASE WHEN abs(exact) >= 3.4028235677973366e38 THEN sign(exact) * 'Infinity'::double precision
            WHEN abs(exact) <= 7.006492321624085e-46 THEN 0 ELSE exact::real END;
        EXIT WHEN value IS NULL OR CASE WHEN up THEN found >= value ELSE found <= value END;
        exact := value * CASE WHEN (value < 0) = up THEN 0.99999988079071044921875 ELSE 1.00000011920928955078125 END;
    END LOOP;
    RETURN found;
END
$body$""",
    "raised": """\
CREATE OR REPLACE FUNCTION litelift.raised(message text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $body$
-- RAISE() in the middle of an expression: it never returns.
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = coalesce(message, '');
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
