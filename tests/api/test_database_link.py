"""MariaDB by TCP: with RADatabaseCAFile the link is TLS to the very server that is meant, or there is no link."""
import pytest

from harness import process, schema


@pytest.fixture(scope="module")
def linked(make_ra):
    """An instance whose MariaDB listens on a port too, with a TLS certificate, and whose httpd is told what a test wants."""
    ra = make_ra("link")
    stack = ra.stack
    port = process.choose_ports({"database": 0})["database"]
    stack.httpd.stop()
    stack.database.stop()
    stack.database.options += ["--skip-networking=0", "--bind-address=127.0.0.1", f"--port={port}", f"--ssl-ca={stack.pki.root_file}",
                               f"--ssl-cert={stack.server_identity.certificate}", f"--ssl-key={stack.server_identity.key}"]
    stack.database.start()
    schema.migrate(stack.database, stack.source, "grants", "--app-user", schema.USER, "--app-host", "127.0.0.1",
                   "--app-auth", f"password-file:{stack.state}/secrets/db.password")
    ra.database_port = port
    return ra


@pytest.fixture
def link(linked):
    """Starts httpd with these lines about the database."""
    def start(*lines):
        linked.stack.httpd.stop()
        linked.stack.httpd.configure(DATABASE="\n".join((f"RADatabaseHost 127.0.0.1:{linked.database_port}", *lines)))
        linked.stack.httpd.start()

    yield start
    linked.stack.httpd.stop()


def test_work_goes_over_a_verified_link(linked, link):
    link(f'RADatabaseCAFile "{linked.stack.pki.root_file}"')
    linked.stack.database.client(f"ALTER USER '{schema.USER}'@'127.0.0.1' REQUIRE SSL")
    process.wait_for("the database over TLS", linked.stack.is_ready, 60)
    assert linked.case("awaiting_review").read()["state"] == "awaiting_review"
    linked.stack.database.client(f"ALTER USER '{schema.USER}'@'127.0.0.1' REQUIRE NONE")


@pytest.mark.log("RA0708", "RA0744", "RA03")
def test_server_of_another_authority_is_not_spoken_to(linked, link):
    link(f'RADatabaseCAFile "{linked.stack.ca_chain}"')
    assert not linked.stack.is_ready()
    assert linked.staff("auditor").request("GET", "/applications").status_code == 503


@pytest.mark.log("RA0708", "RA0744", "RA03")
def test_server_without_tls_is_not_spoken_to(linked, link):
    database = linked.stack.database
    with_tls = list(database.options)
    database.stop()
    database.options = [one for one in with_tls if not one.startswith("--ssl")] + ["--skip-ssl"]
    database.start()
    try:
        link(f'RADatabaseCAFile "{linked.stack.pki.root_file}"')
        assert not linked.stack.is_ready()
        link()
        process.wait_for("the database in clear on the loopback", linked.stack.is_ready, 60)
    finally:
        linked.stack.httpd.stop()
        database.stop()
        database.options = with_tls
        database.start()
