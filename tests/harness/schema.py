"""The RA's database in a private MariaDB: created, migrated, and its user with just the rights of sql/grants.sql."""
from . import process

DATABASE = "ra"
USER = "ra"


def prepare(database, source, password_file):
    """Everything the module needs of a running server; what is there already stays."""
    password = password_file.read_text().strip()
    database.client(f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4;"
                    f"CREATE USER IF NOT EXISTS '{USER}'@'localhost';"
                    f"ALTER USER '{USER}'@'localhost' IDENTIFIED BY '{password}';")
    migrate(database, source)
    grant(database, source)


def migrate(database, source):
    program = next((path for path in (source / "sql" / "ra-migrate", source / "ra-migrate") if path.exists()), None)
    if not program:
        raise process.Failed("sql/ra-migrate is missing")
    process.run([program, "--socket", database.socket, "--user", "root", "--database", DATABASE, "up"], user=None)


def grant(database, source):
    grants = source / "sql" / "grants.sql"
    database.client(grants.read_text("utf-8"), DATABASE)
