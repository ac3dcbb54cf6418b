"""Production by the subscriber's tool: stock `openssl cmp` with reference and authorisation code on the public host."""
import json
import secrets
import subprocess
import threading

import pytest
from cmp_der import Message
from cmp_tool import ADDRESS, RUN_SECONDS, Tool, send
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from harness import process, samples
from support import entry

IP, CP, PKICONF, ERROR, POLL_REQ = 1, 3, 19, 23, 25
KNOB_ONCE = {"count": 1}


@pytest.fixture
def tool(ra, tmp_path):
    """Makes a case that awaits production, and the tool with its codes."""
    def make(case=None, **options):
        case = case or ra.case("coded")
        made = Tool(case.ra, tmp_path / secrets.token_hex(4), case.codes, **options)
        made.case = case
        return made

    return make


@pytest.fixture(scope="module")
def hasty(make_ra):
    """An instance that never waits for the CA before it answers."""
    return make_ra("cmp-hasty", PRODUCTION_WAIT=0)


@pytest.fixture
def ca(hasty):
    yield hasty.stack.ca
    hasty.stack.ca.reset()


def codes_row(case):
    names = ("tries", "used", "voided")
    row = case.ra.sql("SELECT tries, used_at IS NOT NULL, voided_at IS NOT NULL FROM production_codes WHERE application_id ="
                      f" UNHEX(REPLACE('{case.id}', '-', '')) ORDER BY id DESC LIMIT 1")[0]
    return dict(zip(names, map(int, row)))


def transactions(case):
    return case.ra.sql("SELECT x.outcome, HEX(x.transaction_id) FROM cmp_transactions x JOIN production_codes c ON c.id = x.code_id WHERE"
                       f" c.application_id = UNHEX(REPLACE('{case.id}', '-', ''))")


def audit_rows(case, event):
    rows = case.ra.sql(f"SELECT outcome, COALESCE(problem, ''), actor_kind, actor_name, host, detail FROM audit_events WHERE event = '{event}'"
                       f" AND object_id = UNHEX(REPLACE('{case.id}', '-', '')) ORDER BY id")
    return [(*row[:5], json.loads(row[5])) for row in rows]


def issued(case):
    return [line for line in case.ra.stack.ca.ledger() if line["kind"] == "certificate" and case.name in line["subject"]]


def other_secret(secret):
    """A secret of the same form that is not this one."""
    return ("0" if secret[0] != "0" else "1") + secret[1:]


# The right way.

@pytest.mark.parametrize("confirmation", ["explicit", "implicit"])
@pytest.mark.parametrize("command", ["ir", "cr", "p10cr"])
def test_tool_with_the_codes_gets_the_approved_certificate(tool, command, confirmation):
    mine = tool()
    done = mine.run(command, *(["-implicit_confirm"] if confirmation == "implicit" else []))
    assert done.succeeded, done.text
    subject = {item.oid: item.value for item in done.certificate.subject}
    assert subject[NameOID.COMMON_NAME] == mine.case.name and subject[NameOID.ORGANIZATION_NAME] == mine.case.name
    assert mine.name not in done.certificate.subject.rfc4514_string()
    assert done.certificate.public_key().public_numbers() == mine.key.public_key().public_numbers()
    sent = [Message(mine.message(number)).type for number in range(1, mine.messages() + 1)]
    assert len([type for type in sent if type != POLL_REQ]) == (2 if confirmation == "explicit" else 1)
    assert mine.case.read()["state"] == "awaiting_handover"
    assert transactions(mine.case)[0][0] == ("confirmed" if confirmation == "explicit" else "implicit")
    assert len(issued(mine.case)) == 1


@pytest.mark.parametrize("path", [ADDRESS, "/.well-known/cmp"])
@pytest.mark.parametrize("form", ["as shown", "without dashes"])
def test_codes_may_be_written_as_shown_or_without_dashes(tool, form, path):
    mine = tool()
    reference, secret = mine.reference, mine.secret
    if form == "without dashes":
        reference, secret = reference.replace("-", "").lower(), secret.replace("-", "")
    done = mine.run("ir", reference=reference, secret=secret, path=path)
    assert done.succeeded, done.text
    assert all(Message(mine.message(number, "rsp")).is_made_with(secret) for number in (1, 2))


def test_tool_gets_the_chain_up_to_the_root(tool):
    mine = tool()
    assert mine.run("ir", "-extracertsout", mine.file("extra.pem"), "-cacertsout", mine.file("roots.pem")).succeeded
    assert mine.file("roots.pem").read_bytes().strip() == mine.ra.stack.ca_chain.read_bytes().strip()
    text = subprocess.run(["openssl", "verify", "-CAfile", mine.file("roots.pem"), mine.file("new.crt")], stdout=subprocess.PIPE).stdout
    assert text.endswith(b"OK\n")


def test_commands_of_the_page_run_as_they_stand(ra, tool, tmp_path):
    """The first block of docs/cmp.md, with the addresses and codes of this instance in place of the page's."""
    mine = tool()
    commands = (ra.stack.source / "docs" / "cmp.md").read_text("utf-8").split("```\n")[1]
    for written, here in (("ra.example:443", f"127.0.0.1:{ra.stack.ports['public']}"), ("tls-root.pem", ra.stack.pki.root_file),
                          ("7Q3MX-0ZK4W-8A", mine.reference), ("K2D7R-…", mine.secret)):
        assert written in commands
        commands = commands.replace(written, str(here))
    commands += "openssl verify -CAfile root.pem -untrusted chain.pem my.crt\n"
    done = subprocess.run(["sh", "-eu"], input=commands.encode(), cwd=tmp_path, env=mine.environment(), capture_output=True, timeout=RUN_SECONDS)
    assert done.returncode == 0 and b"my.crt: OK" in done.stdout, done.stdout + done.stderr
    assert mine.case.read()["state"] == "awaiting_handover"


def test_record_names_the_tool_and_counts_who_drew_the_codes_as_producer(tool):
    mine = tool()
    assert mine.run("ir").succeeded
    case = mine.case
    assert case.read()["steps"]["production"]["by"]["id"] == case.ra.ids["people"]["issuing_officer"]
    row = next(row for row in case.history() if (row["step"], row["outcome"]) == ("production", "requested"))
    assert row["actor"] == {"name": "subscriber's tool", "kind": "ra"}
    rows = audit_rows(case, "cmp_production")
    assert [row[:5] for row in rows] == [("done", "", "unknown", "subscriber's tool", "public")]
    assert rows[0][5]["reference_code"] == mine.reference.replace("-", "")
    assert rows[0][5]["transaction_id"] == Message(mine.message(1)).transaction.hex()


def test_secret_is_written_nowhere(tool):
    mine = tool()
    mark = mine.ra.stack.httpd.error_log.mark()
    mine.run("ir", secret=other_secret(mine.secret)).refused()
    assert mine.run("ir").succeeded
    log = " ".join(record["message"] for record in mine.ra.stack.httpd.error_log.since(mark))
    rows = json.dumps(audit_rows(mine.case, "cmp_production")) + json.dumps(mine.case.read()) + json.dumps(mine.case.history())
    for secret in (mine.secret, mine.secret.replace("-", "")):
        assert secret not in log and secret not in rows


def test_rest_of_the_business_goes_on_as_after_production_at_the_counter(tool):
    mine = tool()
    assert mine.run("p10cr").succeeded
    mine.case.read()
    mine.case.to("completed")


def test_several_tools_at_once_get_a_certificate_each(tool):
    tools = [tool() for _ in range(4)]
    started = [mine.start("ir", "-keep_alive", "0") for mine in tools]
    for mine, run in zip(tools, started):
        done = mine.end(run)
        assert done.succeeded, done.text
        assert len(issued(mine.case)) == 1


# Repetition.

def test_same_request_again_gets_the_same_certificate(tool):
    mine = tool()
    assert mine.run("ir").succeeded
    again = Message(mine.send(mine.message(1)).content)
    first = Message(mine.message(1, "rsp"))
    assert again.type == IP and again.body.der == first.body.der and again.nonce != first.nonce
    assert again.is_made_with(mine.secret)
    assert len(issued(mine.case)) == 1


def test_same_confirmation_again_is_acknowledged_again(tool):
    mine = tool()
    assert mine.run("ir").succeeded
    again = Message(mine.send(mine.message(2)).content)
    assert again.type == PKICONF and again.is_made_with(mine.secret)
    assert [row[0] for row in audit_rows(mine.case, "cmp_confirmation")] == ["done"]


def test_same_request_on_many_connections_is_one_request(tool):
    mine = tool()
    command = mine.start("ir", "-total_timeout", "1", "-server", "127.0.0.1:1")  # only to have the message written
    mine.end(command)
    message = mine.message(1)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(Message(mine.send(message).content))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.type for answer in answers} == {IP}
    assert len({answer.body.der for answer in answers if answer.body.der.find(mine.case.name.encode()) > 0}) == 1
    assert len(issued(mine.case)) == 1


@pytest.mark.log("RA0475")
def test_tool_that_declines_the_certificate_is_heard(tool):
    mine = tool()
    stranger = mine.ra.identity()
    done = mine.run("ir", "-out_trusted", str(stranger.certificate))
    assert not done.succeeded
    assert transactions(mine.case)[0][0] == "declined"
    assert audit_rows(mine.case, "cmp_confirmation")[0][0] == "refused"


# Codes.

def test_codes_serve_once(tool):
    mine = tool()
    assert mine.run("ir").succeeded
    mine.run("ir").refused("notAuthorized", "these codes were used already or are void")
    assert len(issued(mine.case)) == 1


def test_codes_used_at_the_counter_are_used_for_the_tool(tool):
    mine = tool()
    mine.case.produce()
    mine.run("ir").refused("notAuthorized", "these codes were used already or are void")


def test_expired_codes_are_refused(tool):
    mine = tool()
    mine.ra.sql(f"UPDATE production_codes SET expires_at = UTC_TIMESTAMP(6) WHERE application_id = UNHEX(REPLACE('{mine.case.id}', '-', ''))")
    mine.run("ir").refused("notAuthorized", "these codes have expired")
    assert not issued(mine.case)


def test_codes_drawn_anew_void_the_old_ones(tool):
    mine = tool()
    mine.case.read()
    mine.case.draw()
    mine.run("ir").refused("used already or are void")
    assert tool(mine.case).run("ir").succeeded


def test_codes_of_an_officer_who_was_disabled_serve_no_more(ra, tool):
    officer = ra.person("issuing_officer")
    case = ra.case("awaiting_production")
    case.draw(officer)
    mine = tool(case)
    ra.administrator.step(f"/people/{officer.id}", "disablement", {"reason": "调离岗位"})
    mine.run("ir").refused("the application does not await production now")
    assert codes_row(case) == {"tries": 0, "used": 0, "voided": 0}


def test_secret_is_erased_a_day_after_its_use(tool):
    mine, later = tool(), tool()
    assert mine.run("ir").succeeded
    own = f"application_id = UNHEX(REPLACE('{mine.case.id}', '-', ''))"
    mine.ra.sql(f"UPDATE production_codes SET used_at = used_at - INTERVAL 25 HOUR WHERE {own}")
    process.wait_for("the secret is erased", lambda: mine.ra.sql(f"SELECT LENGTH(secret_sealed) FROM production_codes WHERE {own}") == [["0"]], 60)
    mine.run("ir").refused("wrong pbm value")
    assert later.run("ir").succeeded


def test_five_wrong_tries_lock_the_codes_for_the_right_one_too(tool):
    mine = tool()
    for tries in range(1, 6):
        mine.run("ir", secret=other_secret(mine.secret)).refused()
        assert codes_row(mine.case) == {"tries": tries, "used": 0, "voided": int(tries == 5)}
    mine.run("ir").refused("too many wrong tries")
    mine.run("ir", secret=other_secret(mine.secret)).refused("wrong pbm value")
    assert codes_row(mine.case)["tries"] == 5
    assert not issued(mine.case)


def test_wrong_tries_of_the_tool_and_of_the_counter_are_counted_together(tool):
    mine = tool()
    for _ in range(4):
        mine.run("ir", secret=other_secret(mine.secret)).refused()
    body = mine.case.production(reference_code="ZZZZZ-ZZZZZ-ZZ")
    mine.case.refuse("issuing_officer", "production", body, 403, "code-invalid")
    mine.run("ir").refused("too many wrong tries")


def test_codes_of_another_application_fit_only_together(tool):
    mine, other = tool(), tool()
    mine.run("ir", secret=other.secret).refused("wrong pbm value")
    assert codes_row(mine.case)["tries"] == 1 and codes_row(other.case)["tries"] == 0


# What a guesser learns.

def wrong_replies(mine):
    """The replies to a wrong secret and to an unknown reference."""
    mine.run("ir", secret=other_secret(mine.secret)).refused("wrong pbm value")
    known = mine.message(1, "rsp")
    mine.run("ir", reference="ZZZZZ-ZZZZZ-ZZ").refused("wrong pbm value")
    return known, mine.message(1, "rsp")


def test_unknown_reference_looks_like_a_wrong_secret(tool):
    known, unknown = wrong_replies(tool())
    assert Message(known).root.skeleton() == Message(unknown).root.skeleton()
    assert Message(known).type == ERROR


def test_error_reply_confirms_no_secret(tool):
    mine = tool()
    assert Message(tool_reply(mine)).is_made_with(mine.secret)  # the check itself works
    other = tool()
    for reply in wrong_replies(other):
        for secret in (other.secret, other.secret.replace("-", ""), other_secret(other.secret), ""):
            assert not Message(reply).is_made_with(secret)


def tool_reply(mine):
    assert mine.run("ir").succeeded
    return mine.message(1, "rsp")


def test_poll_and_confirmation_with_a_wrong_secret_count_and_confirm_nothing(tool):
    mine = tool()
    assert mine.run("ir").succeeded
    spoiled = bytearray(mine.message(2))
    spoiled[-1] ^= 1
    reply = Message(mine.send(bytes(spoiled)).content)
    assert reply.type == ERROR and not reply.is_made_with(mine.secret)
    assert transactions(mine.case)[0][0] == "confirmed"


def test_message_without_codes_is_answered_with_a_signed_error(tool):
    mine = tool()
    signer = mine.ra.identity()
    trust = mine.ra.stack.pki.root_file
    words = ["-trusted", trust, "-ignore_keyusage", "-cert", signer.certificate, "-key", signer.key]
    kur = mine.run("kur", *words, "-newkey", mine.file("key.pem"), with_codes=False)
    rr = mine.run("rr", *words, "-oldcert", signer.certificate, with_codes=False)
    for done in (kur, rr):
        done.refused("kur and rr are signed with the certificate of this RA")


def test_other_types_under_right_codes_are_refused_in_words(tool):
    mine = tool()
    mine.run("genm", "-infotype", "signKeyPairTypes").refused("serves ir, cr and p10cr")
    assert codes_row(mine.case) == {"tries": 0, "used": 0, "voided": 0}


# Possession and keys.

@pytest.mark.parametrize("method,words", [("0", "popo raverified not accepted"), ("-1", "popo missing")])
def test_possession_must_be_proved_by_a_signature(tool, method, words):
    mine = tool()
    mine.run("ir", "-popo", method).refused("badPOP", words)
    assert codes_row(mine.case) == {"tries": 0, "used": 0, "voided": 0}
    assert audit_rows(mine.case, "cmp_production")[0][:2] == ("refused", "csr-invalid")
    assert mine.run("ir").succeeded


def test_changed_certificate_request_is_refused(tool):
    mine = tool()
    der = bytearray(x509.load_pem_x509_csr(mine.file("csr.pem").read_bytes()).public_bytes(serialization.Encoding.DER))
    at = der.find(b"what the tool wrote")
    der[at] ^= 0x20
    request = x509.load_der_x509_csr(bytes(der))
    mine.file("csr.pem").write_bytes(request.public_bytes(serialization.Encoding.PEM))
    mine.run("p10cr").refused("badPOP")
    assert not issued(mine.case)


def test_name_and_extensions_of_the_tool_count_nothing(tool):
    mine = tool()
    done = mine.run("ir", "-subject", "/C=CN/O=Somebody else/CN=root", "-sans", "www.example.cn", "-days", "9999")
    assert done.succeeded, done.text
    assert "Somebody" not in done.certificate.subject.rfc4514_string()
    assert (done.certificate.not_valid_after - done.certificate.not_valid_before).days < 400
    with pytest.raises(x509.ExtensionNotFound):
        done.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)


@pytest.mark.parametrize("command", ["ir", "p10cr"])
def test_kind_of_key_is_what_the_reviewer_approved(ra, tool, command):
    case = ra.case("awaiting_entry")
    case.step("entry_officer", "entry", entry(case, key_algorithms=["ec_p256"]))
    case.to("coded")
    tool(case, kind="rsa").run(command).refused("badCertTemplate", "another kind of key")
    assert codes_row(case) == {"tries": 0, "used": 0, "voided": 0}
    assert tool(case).run(command).succeeded


def use_key(mine, key):
    mine.key = key
    mine.file("key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    mine.file("csr.pem").write_text(samples.csr(mine.name, key)[0])


@pytest.mark.parametrize("command", ["ir", "p10cr"])
@pytest.mark.parametrize("key", [lambda: rsa.generate_private_key(65537, 1024), lambda: ec.generate_private_key(ec.SECP384R1()),
                                 lambda: rsa.generate_private_key(3, 2048)], ids=["1024 bits", "another curve", "small exponent"])
def test_weak_or_strange_keys_are_refused(tool, key, command):
    mine = tool()
    use_key(mine, key())
    mine.run(command).refused("badCertTemplate", "this key is weak")


def test_key_of_another_certificate_is_refused(tool):
    first, second = tool(), tool()
    assert first.run("ir").succeeded
    use_key(second, first.key)
    second.run("cr").refused("badCertTemplate", "certified before")


# The CA takes its time.

@pytest.mark.parametrize("command", ["ir", "p10cr"])
@pytest.mark.parametrize("confirmation", [[], ["-implicit_confirm"]], ids=["explicit", "implicit"])
def test_slow_ca_makes_the_tool_wait_and_poll(hasty, ca, tool, command, confirmation):
    mine = tool(hasty.case("coded"))
    ca.knobs(mode="late", ms=1500, **KNOB_ONCE)
    done = mine.run(command, *confirmation)
    assert done.succeeded, done.text
    types = [Message(mine.message(number)).type for number in range(1, mine.messages() + 1)]
    assert POLL_REQ in types and Message(mine.message(1, "rsp")).type == (IP if command == "ir" else CP)
    assert transactions(mine.case)[0][0] == ("implicit" if confirmation else "confirmed")
    assert len(issued(mine.case)) == 1


@pytest.mark.log("RA0411")
def test_ca_that_says_waiting_makes_the_tool_wait_and_poll(hasty, ca, tool):
    mine = tool(hasty.case("coded"))
    ca.knobs(mode="waiting", polls=2, check_after=1, **KNOB_ONCE)
    done = mine.run("ir")
    assert done.succeeded, done.text
    assert len(issued(mine.case)) == 1


@pytest.mark.log("RA0411")
def test_refusal_of_the_ca_reaches_the_tool(hasty, ca, tool):
    mine = tool(hasty.case("coded"))
    ca.knobs(mode="reject", count=-1)
    mine.run("ir").refused("the CA did not issue the certificate")
    process.wait_for("the application awaits production again", lambda: mine.case.read()["state"] == "awaiting_production", 60)


@pytest.mark.parametrize("how", ["graceful", "kill"])
@pytest.mark.log("RA0411")
def test_tool_polls_on_after_a_restart_of_httpd(hasty, ca, tool, how):
    mine = tool(hasty.case("coded"))
    ca.knobs(mode="waiting", polls=1, check_after=6, **KNOB_ONCE)
    run = mine.start("ir", "-keep_alive", "0")
    process.wait_for("the CA says waiting", lambda: operation_state(mine.case) == "waiting", 60)
    httpd = hasty.stack.httpd
    if how == "graceful":
        httpd.graceful()
    else:
        mine.pause(run)
        httpd.kill()
        httpd.start()
    done = mine.end(run)
    assert done.succeeded, done.text
    assert len(issued(mine.case)) == 1
    assert transactions(mine.case)[0][0] == "confirmed"


def operation_state(case):
    rows = case.ra.sql(f"SELECT state FROM ca_attempts WHERE application_id = UNHEX(REPLACE('{case.id}', '-', '')) ORDER BY id DESC LIMIT 1")
    return rows[0][0] if rows else None


# The edge.

@pytest.mark.parametrize("method,status,code", [("GET", 405, "method-not-allowed"), ("PUT", 405, "method-not-allowed"),
                                                ("DELETE", 405, "method-not-allowed")])
def test_only_post_is_cmp(ra, method, status, code):
    with ra.stack.client("public") as client:
        answer = client.request(method, ADDRESS)
    assert (answer.status_code, answer.json()["code"], answer.headers["Allow"]) == (status, code, "POST")


@pytest.mark.parametrize("headers", [{"Content-Type": "application/json"}, {"Content-Type": "application/pkixcmp-poll"}, {"Content-Type": ""},
                                     {"Content-Encoding": "gzip"}])
def test_only_pkixcmp_without_coding_is_read(ra, headers):
    answer = send(ra, b"0", **headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "media-type")


@pytest.mark.parametrize("host,role", [("staff", "issuing_officer"), ("api", "system"), ("internal", None)])
def test_cmp_is_on_the_public_host_only(ra, host, role):
    with ra.stack.client(host, role) as client:
        assert client.request("POST", ADDRESS, content=b"0", headers={"Content-Type": "application/pkixcmp"}).status_code == 404


@pytest.mark.parametrize("path", ["/.well-known/cmp/", "/.well-known/cmp/p/other", "/.well-known/cmp/p/ra/x"])
def test_other_paths_below_are_not_there(ra, path):
    assert send(ra, b"0", path).status_code == 404


@pytest.mark.parametrize("body", [b"", b"\0", b"0\0", b"0\x80", b"hello", b"\x30\x84\xff\xff\xff\xff", b"0" * 60000, secrets.token_bytes(4000)],
                         ids=["empty", "nul", "empty sequence", "indefinite", "text", "huge length", "much", "random"])
def test_bytes_that_are_no_message_are_a_problem(ra, body):
    answer = send(ra, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "cmp-unreadable")


def test_message_of_more_than_64_kib_is_a_problem(ra):
    answer = send(ra, b"0" * 65537)
    assert (answer.status_code, answer.json()["code"]) == (413, "cmp-too-large")


def test_cut_or_lengthened_message_is_no_message(tool):
    mine = tool()
    assert mine.run("ir").succeeded
    message = mine.message(1)
    for length in range(1, len(message), 37):
        assert mine.send(message[:length]).json()["code"] == "cmp-unreadable"
    assert mine.send(message + b"\0").json()["code"] == "cmp-unreadable"


def test_every_reply_to_a_message_is_cmp_with_status_200(tool):
    mine = tool()
    mine.run("ir", secret=other_secret(mine.secret)).refused()
    answer = mine.send(mine.message(1))
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/pkixcmp"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("setting,count", [("", 60), ("RACMPRateLimit 8/60", 8)], ids=["by itself", "as set"])
def test_guessing_is_slowed_by_a_limit_of_its_own(make_ra, setting, count):
    limited = make_ra(f"cmp-limit-{count}", RATE_CMP=setting, RATE_PUBLIC="4/60")
    answers = [send(limited, b"0") for _ in range(count + 4)]
    assert [answer.status_code for answer in answers[:count]] == count * [400] and answers[-1].status_code == 429
    assert answers[0].headers["RateLimit-Policy"] == f'"default";q={count};w=60'
    with limited.stack.client("public") as client:
        assert client.request("GET", "/api/v1/openapi.json").status_code == 200
