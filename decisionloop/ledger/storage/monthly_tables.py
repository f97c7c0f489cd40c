"""Tables of PostgreSQL in parts by month, used by migrations: how one becomes so, and the functions of its owner.

A decision's id begins with the second as of which it was made, so a month's ids lie together, and so do those of
whatever hangs off decisions. A role that may only append makes no tables: `make_month` does it in its owner's name.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from decisionloop.ledger.storage.months import ids_of_month, month_of

BEFORE = "_before"
"""What the part is called that holds all there was before there were parts."""
_MAKE = """
CREATE FUNCTION make_month(asked date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp AS $$
DECLARE
    begun timestamp := date_trunc('month', asked::timestamp);
    ended timestamp := begun + interval '1 month';
    low text := lpad(to_hex(extract(epoch FROM begun)::bigint), 8, '0');
    high text := CASE WHEN extract(epoch FROM ended) < 4294967296
        THEN quote_literal(lpad(to_hex(extract(epoch FROM ended)::bigint), 8, '0')) ELSE 'MAXVALUE' END;
    suffix text := to_char(begun, '"_"YYYY"_"MM');
    parent text; part text; grantee text;
BEGIN
    IF begun < '1970-01-01' OR begun > '2106-02-01' THEN
        RAISE EXCEPTION 'the month % has no ids', to_char(begun, 'YYYY-MM') USING ERRCODE = 'data_exception';
    END IF;
    IF NOT has_table_privilege(session_user, '{first}', 'INSERT') THEN
        RAISE EXCEPTION '% may not append to {first}', session_user USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- Until this transaction ends the month stays; who makes one waits for nobody who only writes.
    PERFORM pg_advisory_xact_lock_shared(hashtext('{schema}.month'), hashtext(suffix));
    IF to_regclass(quote_ident('{first}' || suffix)) IS NOT NULL THEN RETURN false; END IF;
    PERFORM pg_advisory_xact_lock(hashtext('{schema}.months'), 0);
    IF to_regclass(quote_ident('{first}' || suffix)) IS NOT NULL OR EXISTS (
        SELECT 1 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid, pg_get_expr(c.relpartbound, c.oid) AS bound
        WHERE i.inhparent = '{first}'::regclass
        AND coalesce(substring(bound FROM 'FROM \\(''([^'']*)''\\)'), '') COLLATE "C" <= low
        AND coalesce(substring(bound FROM 'TO \\(''([^'']*)''\\)'), 'g') COLLATE "C" > low
    ) THEN RETURN false; END IF;
    FOREACH parent IN ARRAY ARRAY[{tables}] LOOP
        part := parent || suffix;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT '
            'EXECUTE FUNCTION refuse_change_but_for_erasure()', parent || '_is_append_only', part);
        IF parent IN ({chained}) THEN
            EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %I REFERENCING NEW TABLE AS added FOR EACH STATEMENT '
                'EXECUTE FUNCTION %I()', parent || '_awaits_audit', part, parent || '_awaits_audit');
        END IF;
        FOR grantee IN
            SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
            FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.oid = quote_ident(part)::regclass AND a.grantee <> c.relowner
        LOOP
            EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %I FROM %s', part, grantee);
        END LOOP;
        -- Unlike CREATE TABLE … PARTITION OF, it lets readers and writers of the other months go on.
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%s)', parent, part, low, high);
    END LOOP;
    RETURN true;
END $$
"""
_DROP = """
CREATE FUNCTION drop_month(asked date, gone bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    suffix text := to_char(asked, '"_"YYYY"_"MM');
    parent text; place int := 0; living boolean; there bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM erasing) THEN
        RAISE EXCEPTION 'the month % is append-only: DROP refused. Only retention lets it go.', substr(suffix, 2)
            USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('{schema}.month'), hashtext(suffix));
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I r JOIN decision_group g ON g.group_id = r.group_id)',
        'decision_row' || suffix) INTO living;
    IF living THEN
        RAISE EXCEPTION 'the month % holds decisions that are not recorded as gone', substr(suffix, 2)
            USING ERRCODE = 'restrict_violation';
    END IF;
    FOREACH parent IN ARRAY ARRAY[{counted}] LOOP
        place := place + 1;
        EXECUTE format('SELECT count(*) FROM %I', parent || suffix) INTO there;
        IF there <> gone[place] THEN
            RAISE EXCEPTION 'of the % rows of % in the month % only % are recorded as gone', there, parent,
                substr(suffix, 2), gone[place] USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    FOREACH parent IN ARRAY ARRAY[{tables}] LOOP
        EXECUTE format('DROP TABLE %I', parent || suffix);
    END LOOP;
END $$
"""
_GRANTS = """
SELECT privilege_type, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = '"{table}"'::regclass AND a.grantee <> c.relowner
"""
_INDEXES = """
SELECT c.relname, pg_get_indexdef(c.oid), pg_get_constraintdef(k.oid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid LEFT JOIN pg_constraint k ON k.conindid = c.oid
WHERE i.indrelid = '"{table}"'::regclass ORDER BY c.relname
"""
_TRIGGERS = """
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = '"{table}"'::regclass AND NOT tgisinternal ORDER BY tgname
"""
_ODD = """
WITH own AS MATERIALIZED (
    SELECT group_id, lpad(to_hex(floor(extract(epoch FROM as_of))::bigint), 8, '0') AS of_batch,
           lpad(to_hex(floor(extract(epoch FROM decided_at))::bigint), 8, '0') AS of_row FROM decision_group
)
SELECT EXISTS (
    SELECT 1 FROM decision_row r JOIN own ON own.group_id = r.group_id
    WHERE left(r.decision_id, 8) NOT IN (own.of_batch, own.of_row))
"""


def divide_by_month(
    connection: Connection, tables: Sequence[str], chained: Sequence[str], views: Sequence[str]
) -> bool:
    """Make each of ``tables`` one of parts by month; what is in it stays where it is, as the part of all before.

    ``chained``: those whose rows wait for the audit chain. ``views`` over them are pointed at the new tables. Rows lie
    by their `decision_id`. False, and nothing is done, where an id does not begin with the second of its as-of.
    """
    if _first(connection, _ODD):
        return False
    found = [str(one) for table in tables if (one := _first(connection, f"SELECT max(decision_id) FROM {table}"))]
    end = ids_of_month(month_of(max(found)))[1] if found else ""
    texts = {view: _first(connection, f"SELECT pg_get_viewdef('{view}'::regclass)") for view in views}
    for table in tables:
        _divide(connection, table, end)
    for view, said in texts.items():
        _run(connection, f"CREATE OR REPLACE VIEW {view} AS {said}")
    if not found:
        for table in tables:
            _run(connection, f'DROP TABLE "{table}{BEFORE}"')
    _make_functions(connection, tables, chained)
    return True


def _divide(connection: Connection, table: str, end: str) -> None:
    """Rename the table, make the new one like it, and let the old one be its part of all ids below ``end``."""
    before = f"{table}{BEFORE}"
    indexes = connection.exec_driver_sql(_INDEXES.format(table=table)).tuples().all()
    triggers = connection.exec_driver_sql(_TRIGGERS.format(table=table)).scalars().all()
    grants = connection.exec_driver_sql(_GRANTS.format(table=table)).tuples().all()
    _run(connection, f'ALTER TABLE "{table}" RENAME TO "{before}"')
    for name, _, _ in indexes:
        _run(connection, f'ALTER INDEX "{name}" RENAME TO "{name}{BEFORE}"')
    kept = "INCLUDING ALL EXCLUDING INDEXES"
    _run(connection, f'CREATE TABLE "{table}" (LIKE "{before}" {kept}) PARTITION BY RANGE (decision_id)')
    for name, index, key in indexes:
        _run(connection, f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" {key}' if key else index)
    for trigger in triggers:
        _run(connection, trigger)
    for privilege, grantee in grants:
        _run(connection, f'GRANT {privilege} ON "{table}" TO {grantee}')
    if end:
        _run(connection, f'ALTER TABLE "{table}" ATTACH PARTITION "{before}" FOR VALUES FROM (MINVALUE) TO (\'{end}\')')


def _make_functions(connection: Connection, tables: Sequence[str], chained: Sequence[str]) -> None:
    first, schema = tables[0], _first(connection, "SELECT quote_ident(current_schema())")
    said = {"schema": schema, "first": first, "tables": _quoted(tables), "chained": _quoted(chained)}
    _run(connection, _MAKE.format(**said))
    _run(connection, _DROP.format(**said, counted=_quoted((first, *chained))))
    _run(connection, "REVOKE ALL ON FUNCTION drop_month(date, bigint[]) FROM PUBLIC")


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement.replace("%", "%%"))


def _first(connection: Connection, statement: str) -> object:
    return connection.exec_driver_sql(statement).scalar()


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
