"""Renewal and revocation that the subscriber signs with the certificate itself: stock `openssl cmp -cmd kur|rr` on the public host."""
import json
import secrets

import pytest
from acts import Act
from cmp_der import Message
from cmp_tool import SignedTool, Tool
from cryptography.hazmat.primitives import serialization
from harness import process, samples
from support import REJECTION, uuid_sql

KUR, KUP, RP, ERROR, POLL_REQ = 7, 8, 12, 23, 25


@pytest.fixture(scope="module")
def soon(make_ra):
    """An instance that lets a certificate be renewed at any time before its end."""
    return make_ra("cmp-signed", EXTRA_GLOBAL="RARenewalWindow 3650")


@pytest.fixture
def holder(soon, tmp_path):
    """Makes the tool of a subscriber who has a certificate."""
    def make(old=None, ra=None):
        ra = ra or soon
        old = old or ra.case("completed")
        pem = ra.staff("auditor").get(f"/certificates/{old.certificate['id']}", headers={"Accept": "application/x-pem-file"}).text
        made = SignedTool(ra, tmp_path / secrets.token_hex(4), pem, old.key)
        made.old = old
        return made

    return make


def opened(mine):
    """The applications about the holder's certificate, oldest first."""
    rows = mine.ra.sql("SELECT LOWER(HEX(id)), business FROM applications WHERE target_certificate_id ="
                       f" {uuid_sql(mine.old.certificate['id'])} ORDER BY id")
    acts = []
    for text, business in rows:
        act = Act(mine.ra, business, mine.old)
        act.id = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        act.read()
        acts.append(act)
    return acts


def wait_for_application(mine):
    process.wait_for("an application was opened", lambda: bool(opened(mine)), 60)
    return opened(mine)[0]


def to_coded(act):
    act.accept()
    act.enter()
    act.review()
    act.draw()


def give_up(mine, *options):
    """The tool asks, hears that people are at work, and does not wait for them."""
    done = mine.run("kur", "-total_timeout", "3", *options)
    assert not done.succeeded and done.certificate is None
    return done


def issued(mine):
    return [line for line in mine.ra.stack.ca.ledger() if line["kind"] == "certificate" and mine.old.name in line["subject"]]


def rows_of_strangers(ra):
    return ra.sql("SELECT (SELECT COUNT(*) FROM audit_events WHERE event LIKE 'cmp%'), (SELECT COUNT(*) FROM cmp_transactions),"
                  " (SELECT COUNT(*) FROM applications)")


def audit_rows(ra, object_id, event):
    return [(*row[:3], json.loads(row[3])) for row in ra.sql(
        f"SELECT outcome, COALESCE(problem, ''), LOWER(HEX(credential_sha256)), detail FROM audit_events WHERE event = '{event}' AND object_id ="
        f" {uuid_sql(object_id)} ORDER BY id")]


# Renewal.

def test_renewal_is_opened_by_the_tool_decided_by_people_and_fetched_by_polling(holder):
    mine = holder()
    run = mine.start("kur")
    act = wait_for_application(mine)
    assert (act.business, act.state) == ("renew", "awaiting_acceptance")
    assert act.application["submitted_by"] == {"name": "RA", "kind": "ra"}
    to_coded(act)
    done = mine.end(run)
    assert done.succeeded, done.text
    assert done.certificate.public_key().public_numbers() == mine.key.public_key().public_numbers()
    types = [Message(mine.message(number)).type for number in range(1, mine.messages() + 1)]
    assert types[0] == KUR and POLL_REQ in types and Message(mine.message(1, "rsp")).type == KUP
    assert act.read()["state"] == "awaiting_handover"
    assert len(opened(mine)) == 1 and len(issued(mine)) == 2
    assert mine.ra.sql(f"SELECT outcome FROM cmp_transactions WHERE application_id = {uuid_sql(act.id)}") == [["confirmed"]]


def test_officer_who_draws_the_codes_is_the_hand_and_records_tell_of_the_tool(holder):
    mine = holder()
    give_up(mine)
    act = wait_for_application(mine)
    to_coded(act)
    assert mine.run("kur", "-implicit_confirm").succeeded
    assert act.read()["steps"]["production"]["by"]["id"] == mine.ra.ids["people"]["issuing_officer"]
    first, made = act.history()[0], next(row for row in act.history() if (row["step"], row["outcome"]) == ("production", "requested"))
    assert first["actor"] == made["actor"] == {"name": "subscriber's tool", "kind": "ra"}
    row = audit_rows(mine.ra, act.id, "cmp_renewal")[0]
    assert row[:3] == ("done", "", mine.old.certificate["sha256"]) and row[3]["certificate_id"] == mine.old.certificate["id"]
    assert audit_rows(mine.ra, act.id, "cmp_production")[0][0] == "done"
    codes = mine.ra.sql(f"SELECT used_at IS NOT NULL FROM production_codes WHERE application_id = {uuid_sql(act.id)}")
    assert codes == [["1"]]


def test_same_certificate_and_key_find_the_open_application_again(holder):
    mine = holder()
    for _ in range(3):
        give_up(mine)
    assert len(opened(mine)) == 1
    act = opened(mine)[0]
    to_coded(act)
    assert mine.run("kur").succeeded
    act.read()
    act.hand_over()
    act.archive()
    act.complete()
    again = mine.run("kur")
    assert again.succeeded and len(opened(mine)) == 1 and len(issued(mine)) == 2


@pytest.mark.parametrize("how", ["graceful", "kill"])
def test_tool_polls_on_after_a_restart_of_httpd(holder, how):
    mine = holder()
    run = mine.start("kur", "-keep_alive", "0")
    act = wait_for_application(mine)
    act.accept()
    httpd = mine.ra.stack.httpd
    if how == "graceful":
        httpd.graceful()
    else:
        mine.pause(run, 0)  # it was told to wait for people, which is long
        httpd.kill()
        httpd.start()
    act.enter()
    act.review()
    act.draw()
    done = mine.end(run)
    assert done.succeeded, done.text
    assert len(issued(mine)) == 2


def test_without_codes_drawn_nothing_is_made(holder):
    mine = holder()
    give_up(mine)
    act = wait_for_application(mine)
    act.accept()
    act.enter()
    act.review()
    give_up(mine)
    assert act.read()["state"] == "awaiting_production" and len(issued(mine)) == 1


def test_key_may_stay(holder):
    mine = holder()
    mine.file("key.pem").write_bytes(mine.file("own.key").read_bytes())
    give_up(mine)
    to_coded(wait_for_application(mine))
    done = mine.run("kur")
    assert done.succeeded, done.text
    assert done.certificate.public_key().public_numbers() == mine.old.key.public_key().public_numbers()


def test_another_key_while_a_renewal_is_open_is_refused(holder):
    mine = holder()
    give_up(mine)
    other = samples.key("ec_p256")
    mine.file("key.pem").write_bytes(other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    mine.run("kur").refused("badRequest", "another application about this certificate is open")
    assert len(opened(mine)) == 1


def test_key_of_another_certificate_is_refused(holder):
    mine, other = holder(), holder()
    mine.file("key.pem").write_bytes(other.file("own.key").read_bytes())
    mine.run("kur").refused("badCertTemplate", "certified before")
    assert opened(mine) == []


def test_tool_is_told_why_its_application_was_returned(holder):
    mine = holder()
    give_up(mine)
    act = wait_for_application(mine)
    act.step("acceptor", "acceptance", {**REJECTION, "materials": [], "reason": "missing papers", "guidance": "bring them"})
    mine.run("kur").refused("missing papers", "bring them")
    assert len(opened(mine)) == 1


def test_counter_may_make_it_with_another_key(holder):
    mine = holder()
    give_up(mine)
    act = wait_for_application(mine)
    to_coded(act)
    counter = Tool(mine.ra, mine.folder / "counter", act.codes)
    assert counter.run("ir").succeeded
    mine.run("kur").refused("made with another key")
    assert len(issued(mine)) == 2


def test_possession_of_the_new_key_must_be_proved(holder):
    mine = holder()
    mine.run("kur", "-popo", "0").refused("badPOP", "popo raverified not accepted")
    mine.run("kur", "-popo", "-1").refused("badPOP", "popo missing")
    assert opened(mine) == []


def test_too_early_is_told(holder, ra):
    mine = holder(ra=ra)
    mine.run("kur").refused("badRequest", "too early")
    assert opened(mine) == []


# Revocation.

def test_revocation_is_noted_and_decided_by_people(holder):
    mine = holder()
    done = mine.run("rr", "-revreason", "1")
    assert done.succeeded, done.text
    assert "revocationWarning" in done.text or "revocation warning" in done.text.lower(), done.text
    assert Message(mine.message(1, "rsp")).type == RP
    act = opened(mine)[0]
    assert (act.business, act.state) == ("revoke", "awaiting_acceptance")
    assert act.application["revocation_reason"] == "key_compromise"
    assert mine.ra.sql(f"SELECT revoked_at IS NULL FROM certificates WHERE id = {uuid_sql(mine.old.certificate['id'])}") == [["1"]]
    assert mine.run("rr").succeeded and len(opened(mine)) == 1
    act.accept()
    act.enter()
    act.review()
    act.wait("awaiting_archive")
    mine.run("rr").refused("not in force")


def test_replay_of_a_revocation_that_was_withdrawn_opens_nothing(holder):
    mine = holder()
    assert mine.run("rr").succeeded
    message = mine.message(1)
    opened(mine)[0].withdraw()
    assert Message(mine.send(message).content).type == RP
    assert len(opened(mine)) == 1
    assert mine.run("rr").succeeded and len(opened(mine)) == 2


@pytest.mark.parametrize("reason", ["6", "8", "9"])
def test_suspension_and_other_reasons_are_the_counters(holder, reason):
    mine = holder()
    mine.run("rr", "-revreason", reason).refused("this reason is not served here")
    assert opened(mine) == []


def test_open_renewal_stands_in_the_way_and_the_tool_is_told(holder):
    mine = holder()
    give_up(mine)
    mine.run("rr").refused("another application about this certificate is open")


# Who may sign.

def test_certificate_not_in_force_is_refused(holder):
    for column in ("suspended_at = UTC_TIMESTAMP(6)", "revoked_at = UTC_TIMESTAMP(6)", "not_after = UTC_TIMESTAMP(6)"):
        mine = holder()
        mine.ra.sql(f"UPDATE certificates SET {column} WHERE id = {uuid_sql(mine.old.certificate['id'])}")
        mine.run("kur").refused("not in force")
        mine.run("rr").refused("not in force")
        assert opened(mine) == []
        assert audit_rows(mine.ra, mine.old.certificate["id"], "cmp_renewal")[0][:2] == ("refused", "certificate-state")


def test_certificate_revoked_meanwhile_gets_nothing_more(holder):
    mine = holder()
    give_up(mine)
    act = wait_for_application(mine)
    to_coded(act)
    mine.ra.sql(f"UPDATE certificates SET revoked_at = UTC_TIMESTAMP(6) WHERE id = {uuid_sql(mine.old.certificate['id'])}")
    mine.run("kur").refused("not in force")
    assert act.read()["state"] == "awaiting_production" and len(issued(mine)) == 1


def test_one_certificate_cannot_renew_or_revoke_another(holder):
    mine, other = holder(), holder()
    mine.run("kur", "-oldcert", other.file("own.crt")).refused("badCertId", "no other")
    mine.run("rr", "-oldcert", other.file("own.crt")).refused("badCertId", "no other")
    assert opened(mine) == opened(other) == []


def test_stranger_is_answered_signed_and_leaves_no_row(holder):
    mine = holder()
    stranger = mine.ra.identity()
    before = rows_of_strangers(mine.ra)
    for name in ("own.crt", "own.key"):
        mine.file(name).write_bytes((stranger.certificate if name == "own.crt" else stranger.key).read_bytes())
    for command in ("kur", "rr"):
        mine.run(command).refused("kur and rr are signed with the certificate of this RA")
    assert rows_of_strangers(mine.ra) == before


def test_spoiled_signature_looks_like_a_stranger_and_leaves_no_row(holder):
    mine = holder()
    give_up(mine)
    message = bytearray(mine.message(1))
    message[message.find(Message(bytes(message)).protection) + 8] ^= 1
    before = rows_of_strangers(mine.ra)
    known = Message(mine.send(bytes(message)).content)
    stranger = mine.ra.identity()
    for name in ("own.crt", "own.key"):
        mine.file(name).write_bytes((stranger.certificate if name == "own.crt" else stranger.key).read_bytes())
    mine.run("kur").refused()
    unknown = Message(mine.message(1, "rsp"))
    assert known.type == unknown.type == ERROR and known.body.der == unknown.body.der
    assert rows_of_strangers(mine.ra) == before


def test_codes_do_not_serve_for_signed_requests_nor_a_certificate_for_new_ones(holder, soon, tmp_path):
    case = soon.case("coded")
    coded = Tool(soon, tmp_path / "coded", case.codes)
    mine = holder()
    mine.run("ir", "-newkey", mine.file("key.pem"), "-subject", "/CN=x").refused("protect the message")
    coded.run("rr", "-oldcert", mine.file("own.crt")).refused("serves ir, cr and p10cr")


def test_one_holder_cannot_fill_the_database(holder):
    mine = holder()
    assert mine.run("rr").succeeded
    mine.ra.sql("INSERT INTO cmp_transactions (id, certificate_id, application_id, transaction_id, request, outcome, created_at, updated_at)"
                f" SELECT UNHEX(REPLACE(UUID(), '-', '')), {uuid_sql(mine.old.certificate['id'])}, application_id, UNHEX(SHA2(seq, 256)), '', 'open',"
                f" UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM cmp_transactions JOIN seq_1_to_15 WHERE certificate_id = {uuid_sql(mine.old.certificate['id'])}")
    mine.run("rr").refused("too many requests of this certificate today")
    assert mine.ra.sql(f"SELECT COUNT(*) FROM cmp_transactions WHERE certificate_id = {uuid_sql(mine.old.certificate['id'])}") == [["16"]]

