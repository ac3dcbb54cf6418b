"""ra-migrate against a private MariaDB: order, claims, changed files, views, rights."""
import os
import pathlib
import shutil
import subprocess
import time

import pytest
from harness import process
from harness.mariadb import MariaDB, SqlError

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent / "sql"
DATABASE = "ra_check"


@pytest.fixture(scope="module")
def server():
    with MariaDB() as database:
        yield database


@pytest.fixture
def ra(server, tmp_path):
    """An empty database and an empty set of files."""
    server.client(f"CREATE OR REPLACE DATABASE {DATABASE} CHARACTER SET utf8mb4")
    for role in ("app", "migrate", "report"):
        server.client(f"DROP ROLE IF EXISTS {DATABASE}_{role}")
    server.client("DROP USER IF EXISTS ra_check@localhost, `www-data`@localhost")
    return Files(server, tmp_path)


class Files:
    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        for name in ("migrations", "views", "data"):
            (folder / name).mkdir()
        shutil.copy(SOURCE / "grants.sql", folder)
        (folder / "append_only.txt").write_text("# evidence\n")

    def write(self, name, text):
        (self.folder / name).write_text(text, "utf-8")

    def command(self, *words):
        return [str(SOURCE / "ra-migrate"), "--socket", str(self.server.socket), "--user", "root", "--database", DATABASE,
                "--dir", str(self.folder / "migrations"), *words]

    def run(self, *words):
        """@return the output; fails when the command does"""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *words):
        """@return the reason; fails when the command does not"""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    def sql(self, text):
        return self.server.client(text, DATABASE)

    def states(self):
        return self.sql("SELECT version, state FROM schema_migrations ORDER BY version").split()


def two_migrations(ra):
    ra.write("migrations/0001_first.sql", "CREATE TABLE IF NOT EXISTS one (a INT);\n")
    ra.write("migrations/0002_second.sql", "ALTER TABLE one ADD COLUMN IF NOT EXISTS b VARCHAR(20) DEFAULT '张';\nINSERT INTO one (a) VALUES (1);\n")


def test_up_applies_in_order_and_once(ra):
    two_migrations(ra)
    assert ra.run("up").splitlines() == ["applying 0001_first", "applying 0002_second", "the schema is at level 2"]
    assert ra.sql("SELECT a, b FROM one") == "1\t张\n"
    assert ra.states() == ["1", "done", "2", "done"]
    assert ra.run("up").splitlines() == ["the schema is at level 2"]
    assert ra.sql("SELECT COUNT(*) FROM one") == "1\n"
    assert ra.sql("SELECT COUNT(*) FROM schema_migrations WHERE ms IS NULL OR LENGTH(sha256) <> 64") == "0\n"


def test_status_and_dry_run_change_nothing(ra):
    two_migrations(ra)
    ra.write("views/all_ones.sql", "CREATE OR REPLACE SQL SECURITY INVOKER VIEW all_ones AS SELECT a FROM one;")
    assert ra.run("dry-run").splitlines() == ["would apply 0001_first", "would apply 0002_second", "would apply view all_ones"]
    assert ra.run("status").split() == ["missing", "0001_first", "missing", "0002_second", "missing", "view", "all_ones"]
    assert ra.sql("SHOW TABLES") == ""
    ra.run("up")
    assert ra.run("dry-run") == ""
    assert "missing" not in ra.run("status")


def test_a_changed_file_is_named_and_refused(ra):
    two_migrations(ra)
    ra.run("up")
    ra.write("migrations/0001_first.sql", "CREATE TABLE IF NOT EXISTS one (a BIGINT);\n")
    ra.write("migrations/0003_third.sql", "CREATE TABLE three (a INT);\n")
    assert "0001_first.sql was changed" in ra.refused("up")
    assert "0001_first.sql was changed" in ra.refused("dry-run")
    assert "three" not in ra.sql("SHOW TABLES")


@pytest.mark.parametrize("name, reason", [
    ("0004_gap.sql", "number 0003 was expected"),
    ("0002_again.sql", "a number twice"),
    ("0003_Big.sql", "only a-z"),
    ("3_short.sql", "is not called NNNN_name.sql"),
])
def test_wrong_sets_of_files_are_refused(ra, name, reason):
    two_migrations(ra)
    ra.write(f"migrations/{name}", "SELECT 1;\n")
    assert reason in ra.refused("up")
    assert ra.sql("SHOW TABLES") == ""


def test_a_database_newer_than_the_files_is_refused(ra):
    two_migrations(ra)
    ra.run("up")
    (ra.folder / "migrations" / "0002_second.sql").unlink()
    assert "newer than these files" in ra.refused("up")


def test_a_failed_migration_blocks_until_it_is_resumed(ra):
    two_migrations(ra)
    ra.write("migrations/0002_second.sql", "ALTER TABLE one ADD COLUMN IF NOT EXISTS b INT;\nINSERT INTO nowhere VALUES (1);\n")
    assert "--resume 2" in ra.refused("up")
    assert ra.states() == ["1", "done", "2", "running"]
    assert "under way" in ra.refused("up")
    assert "running" in ra.sql("SELECT state FROM schema_migrations")
    ra.write("migrations/0002_second.sql", "ALTER TABLE one ADD COLUMN IF NOT EXISTS b INT;\nINSERT INTO one VALUES (1, 2);\n")
    assert "applying 0002_second" in ra.run("up", "--resume", "2")
    assert ra.states() == ["1", "done", "2", "done"]
    assert ra.sql("SELECT a, b FROM one") == "1\t2\n"
    assert "not one that was left unfinished" in ra.refused("up", "--resume", "2")


def test_values_that_do_not_fit_stop_a_migration(ra):
    ra.write("migrations/0001_first.sql", "CREATE TABLE one (a VARCHAR(2));\nINSERT INTO one VALUES ('abc');\n")
    assert "Data too long" in ra.refused("up")


def test_of_two_runs_at_once_each_migration_runs_once(ra):
    ra.write("migrations/0001_first.sql", "CREATE TABLE one (a INT);\n")
    ra.write("migrations/0002_slow.sql", "INSERT INTO one VALUES (1);\nSELECT SLEEP(1);\n")
    runs = [subprocess.Popen(ra.command("up"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ends = [(one.wait(), *one.communicate()) for one in runs]
    assert sorted(code for code, _, _ in ends) == [0, 1, 1], ends
    assert all("claimed by" in error or "under way" in error for code, _, error in ends if code)
    assert ra.sql("SELECT COUNT(*) FROM one") == "1\n"
    assert ra.states() == ["1", "done", "2", "done"]


def test_a_second_run_may_wait(ra):
    ra.write("migrations/0001_slow.sql", "CREATE TABLE one (a INT);\nSELECT SLEEP(2);\n")
    first = subprocess.Popen(ra.command("up"), stdout=subprocess.DEVNULL)
    process.wait_for("the first run", lambda: "one" in ra.sql("SHOW TABLES").split(), 10)
    began = time.monotonic()
    assert ra.run("up", "--wait", "20").splitlines() == ["the schema is at level 1"]
    assert time.monotonic() - began < 15
    assert first.wait() == 0


def test_views_are_made_anew_when_they_or_the_tables_change(ra):
    two_migrations(ra)
    ra.write("views/ones.sql", "CREATE OR REPLACE SQL SECURITY INVOKER VIEW ones AS SELECT a FROM one;")
    assert "applying view ones" in ra.run("up")
    assert "applying view" not in ra.run("up")
    ra.write("views/ones.sql", "CREATE OR REPLACE SQL SECURITY INVOKER VIEW ones AS SELECT a, b FROM one;")
    assert ra.run("up").splitlines()[0] == "applying view ones"
    assert ra.sql("SELECT * FROM ones") == "1\t张\n"
    ra.write("migrations/0003_third.sql", "ALTER TABLE one MODIFY a BIGINT;\n")
    assert "applying view ones" in ra.run("up")


def test_data_may_be_loaded_again(ra):
    two_migrations(ra)
    ra.write("data/fees.sql", "DELETE FROM one; INSERT INTO one (a) VALUES (7), (8);")
    ra.run("up")
    assert ra.sql("SELECT COUNT(*) FROM one") == "1\n"
    ra.run("data")
    ra.run("data")
    assert ra.sql("SELECT a FROM one ORDER BY a").split() == ["7", "8"]


def test_client_commands_in_a_file_are_not_obeyed(ra, tmp_path):
    ra.write("migrations/0001_first.sql", f"SELECT 1;\n\\! touch {tmp_path}/obeyed\nsystem touch {tmp_path}/obeyed\n")
    ra.refused("up")
    assert not (tmp_path / "obeyed").exists()


# --- rights ---


def rights(ra, table):
    return set(ra.sql(f"SELECT privilege_type FROM information_schema.table_privileges WHERE table_schema = DATABASE() "
                      f"AND table_name = '{table}' AND grantee LIKE '%{DATABASE}_app%'").split())


def test_every_table_is_covered_and_evidence_is_only_added_to(ra):
    ra.write("migrations/0001_first.sql", "CREATE TABLE work (a INT); CREATE TABLE evidence (a INT);")
    ra.write("views/seen.sql", "CREATE OR REPLACE SQL SECURITY INVOKER VIEW seen AS SELECT a FROM work;")
    ra.run("up")
    ra.write("append_only.txt", "# comment\nevidence  # why\n\n")
    ra.run("grants")
    assert rights(ra, "work") == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert rights(ra, "evidence") == {"SELECT", "INSERT"}
    assert rights(ra, "seen") == {"SELECT"}
    assert rights(ra, "schema_migrations") == {"SELECT"}
    ra.write("migrations/0002_second.sql", "CREATE TABLE later (a INT);")
    ra.write("append_only.txt", "evidence\nwork\n")
    ra.run("up")
    ra.run("grants")
    assert rights(ra, "later") == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert rights(ra, "work") == {"SELECT", "INSERT"}


def test_a_listed_table_that_is_not_there_is_refused(ra):
    two_migrations(ra)
    ra.run("up")
    ra.write("append_only.txt", "audit_evens\n")
    assert "audit_evens" in ra.refused("grants")


def test_a_right_on_the_whole_database_is_refused(ra):
    two_migrations(ra)
    ra.run("up")
    ra.run("grants")
    ra.sql(f"GRANT DELETE ON {DATABASE}.* TO {DATABASE}_app")
    assert "rights on a whole database" in ra.refused("grants")


def test_the_module_user_can_do_its_work_and_no_more(ra, tmp_path):
    secret = "it's \"50%\" \\x; -- 张"
    ra.write("migrations/0001_first.sql", "CREATE TABLE work (a INT); CREATE TABLE evidence (a INT);")
    ra.write("append_only.txt", "evidence\n")
    ra.run("up")
    (tmp_path / "password").write_text(secret + "\n", "utf-8")
    arguments = ("grants", "--app-user", "ra_check", "--app-auth", f"password-file:{tmp_path}/password")
    assert secret not in ra.run(*arguments, "--print")
    assert ra.sql("SELECT COUNT(*) FROM mysql.user WHERE user = 'ra_check'") == "0\n"
    ra.run(*arguments)

    def module(sql):
        return ra.server.client(sql, DATABASE, user="ra_check", options=[f"--password={secret}"])

    module("INSERT INTO work VALUES (1); UPDATE work SET a = 2; INSERT INTO evidence VALUES (1); DELETE FROM work")
    assert module("SELECT COUNT(*) FROM evidence") == "1\n"
    for denied in ("UPDATE evidence SET a = 2", "DELETE FROM evidence", "TRUNCATE TABLE evidence", "DROP TABLE evidence",
                   "CREATE TABLE more (a INT)", "UPDATE schema_migrations SET version = 9", "SELECT * FROM mysql.user",
                   "CREATE OR REPLACE VIEW v AS SELECT 1"):
        with pytest.raises(SqlError, match="denied"):
            module(denied)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user of the operating system")
def test_a_user_of_the_operating_system_needs_no_password(ra):
    account = process.service_user().pw_name
    two_migrations(ra)
    ra.run("up")
    ra.run("grants", "--app-user", account, "--app-auth", f"socket:{account}")
    assert "must be called other too" in ra.refused("grants", "--app-user", account, "--app-auth", "socket:other")
    command = ["mariadb", "--no-defaults", f"--socket={ra.server.socket}", f"--user={account}", DATABASE, "-e", "SELECT 1"]
    assert subprocess.run(command, capture_output=True, check=False, **process.as_service()).returncode == 0
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_a_wrong_password_is_not_an_empty_database(ra):
    two_migrations(ra)
    done = subprocess.run(ra.command("status", "--user", "nobody-here"), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "missing" not in done.stdout
    assert "Access denied" in done.stderr
