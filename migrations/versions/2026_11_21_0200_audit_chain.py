"""The audit log is append-only and chained; the hot table leaves room for updates in place.

Revision ID: 5d0c61b7a2f4
Revises: 7029cf18a4dd
"""

from alembic import op

revision = "5d0c61b7a2f4"
down_revision = "7029cf18a4dd"
branch_labels = None
depends_on = None

# The time goes in as seconds since 1970, since its text depends on the session's time zone.
_HASH = """
CREATE FUNCTION audit_hash(previous bytea, e audit_events) RETURNS bytea
LANGUAGE sql STABLE AS $$
  SELECT sha256(coalesce(previous, ''::bytea) || convert_to(jsonb_build_array(
    extract(epoch FROM e.at), e.actor_id, e.actor, e.action, e.object_type, e.object_id,
    e.dataset_id, e.sample_id, e.before, e.after)::text, 'UTF8'))
$$
"""

# The lock makes the general chain one line of events; the events of a sample are in line already,
# because whoever changes a sample holds its row. The id is drawn under the lock, so that the order
# of ids is the order of the chain.
_CHAIN = """
CREATE FUNCTION chain_audit_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.sample_id IS NULL THEN
    PERFORM pg_advisory_xact_lock(7411902332);
    NEW.id := nextval(pg_get_serial_sequence('audit_events', 'id'));
    NEW.at := clock_timestamp();
    SELECT hash INTO NEW.previous_hash FROM audit_events
      WHERE sample_id IS NULL ORDER BY id DESC LIMIT 1;
  ELSE
    SELECT hash INTO NEW.previous_hash FROM audit_events
      WHERE sample_id = NEW.sample_id ORDER BY id DESC LIMIT 1;
  END IF;
  NEW.hash := audit_hash(NEW.previous_hash, NEW);
  RETURN NEW;
END
$$
"""

# Events of before are chained in their order.
_CHAIN_EARLIER = """
DO $$
DECLARE
  e audit_events;
  previous bytea;
BEGIN
  FOR e IN SELECT * FROM audit_events ORDER BY id LOOP
    SELECT hash INTO previous FROM audit_events
      WHERE sample_id IS NOT DISTINCT FROM e.sample_id AND id < e.id ORDER BY id DESC LIMIT 1;
    UPDATE audit_events SET previous_hash = previous, hash = audit_hash(previous, e)
      WHERE id = e.id;
  END LOOP;
END
$$
"""

_KEEP = """
CREATE FUNCTION keep_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The audit log is append-only.';
END
$$
"""


def upgrade() -> None:
    op.execute(_HASH)
    op.execute(_CHAIN_EARLIER)
    op.execute(_CHAIN)
    op.execute(_KEEP)
    op.execute(
        "CREATE TRIGGER chain BEFORE INSERT ON audit_events "
        "FOR EACH ROW EXECUTE FUNCTION chain_audit_event()"
    )
    op.execute(
        "CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON audit_events "
        "FOR EACH ROW EXECUTE FUNCTION keep_audit_events()"
    )
    op.execute(
        "CREATE TRIGGER keep_all BEFORE TRUNCATE ON audit_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION keep_audit_events()"
    )
    op.execute("ALTER TABLE samples SET (fillfactor = 80)")


def downgrade() -> None:
    op.execute("ALTER TABLE samples RESET (fillfactor)")
    for name in ("chain", "keep", "keep_all"):
        op.execute(f"DROP TRIGGER {name} ON audit_events")
    op.execute("DROP FUNCTION keep_audit_events")
    op.execute("DROP FUNCTION chain_audit_event")
    op.execute("DROP FUNCTION audit_hash")
