"""Rows of the outbox that are of no more use go by themselves; whatever is to be done stays."""
import time

# name → (state, days since it ended)
JOBS = {"forgotten": ("done", 31), "kept": ("done", 29), "open": ("open", None), "person": ("person", None)}


def identifier(name):
    return f"UNHEX(MD5('outbox-{name}'))"


def left(ra):
    return {name for name in JOBS if ra.sql(f"SELECT COUNT(*) FROM outbox_jobs WHERE id = {identifier(name)}") == [["1"]]}


def test_finished_jobs_are_forgotten_after_a_month(ra):
    far = "UTC_TIMESTAMP(6) + INTERVAL 1 DAY"  # nobody runs the open one meanwhile
    try:
        for name, (state, days) in JOBS.items():
            ended = f"UTC_TIMESTAMP(6) - INTERVAL {days} DAY" if days else "NULL"
            ra.sql("INSERT INTO outbox_jobs (id, kind, lane, subject, state, next_run, created_at, finished_at) VALUES"
                   f" ({identifier(name)}, 'enrol', 1, {identifier(name)}, '{state}', COALESCE({ended}, {far}), UTC_TIMESTAMP(6) - INTERVAL 40 DAY, {ended})")
        end = time.monotonic() + 60
        while "forgotten" in left(ra):
            assert time.monotonic() < end
            time.sleep(0.2)
        assert left(ra) == {"kept", "open", "person"}
    finally:
        ra.sql(f"DELETE FROM outbox_jobs WHERE id IN ({', '.join(map(identifier, JOBS))})")
