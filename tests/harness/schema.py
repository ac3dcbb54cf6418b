"""The RA's database in a private MariaDB: created and migrated by sql/ra-migrate, its user with just the rights of sql/grants.sql."""
import os
import subprocess

from . import process

DATABASE = "ra"
USER = "ra"


def create(database, source):
    """Tables and what they have from the beginning; what is there already stays."""
    database.client(f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4")
    migrate(database, source, "--wait", "20", "up")
    migrate(database, source, "data")


def grant(database, source, password_file):
    """The module's user, with its rights."""
    migrate(database, source, "grants", "--app-user", USER, "--app-auth", f"password-file:{password_file}")


def migrate(database, source, *words):
    """Runs ra-migrate as the database's administrator. @return its output"""
    command = [source / "sql" / "ra-migrate", "--socket", database.socket, "--user", "root", "--database", DATABASE, *words]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, MYSQL_HOME="/nonexistent"))
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise process.Failed(f"ra-migrate {' '.join(words)} failed:\n{text.strip()}")
    return text
