"""Reference and authorisation codes (domain.md §2, design §9): one use, expiring, five wrong tries, bound to one application."""
import datetime

import pytest

from support import refused

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TRIES = 5
LIFETIME = 86400  # RACodeLifetime of the instance


def check_character(text):
    """Luhn's algorithm for an alphabet of 32."""
    total = 0
    for place, one in enumerate(reversed(text)):
        addend = ALPHABET.index(one) * (2 if place % 2 == 0 else 1)
        total += addend // 32 + addend % 32
    return ALPHABET[(32 - total % 32) % 32]


def another(code):
    """A well typed code that is another one."""
    body = code.replace("-", "")[:-1]
    body = ALPHABET[(ALPHABET.index(body[0]) + 1) % 32] + body[1:]
    return body + check_character(body)


@pytest.fixture
def coded(ra):
    return ra.case("coded")


def guess(case, code=None, status=403, **changes):
    codes = {"authorisation_code": another(case.codes["authorisation_code"]), **changes}
    return case.refuse("issuing_officer", "production", case.production(**codes), status, code or "code-invalid")


def test_codes_are_random_and_carry_a_check_character(ra, coded):
    secret = coded.codes["authorisation_code"].replace("-", "")
    assert set(secret) <= set(ALPHABET) and (len(secret) - 1) * 5 >= 112
    assert secret[-1] == check_character(secret[:-1])
    first = dict(coded.codes)
    coded.draw()
    assert coded.codes["authorisation_code"] != first["authorisation_code"]
    assert coded.codes["reference_code"] != first["reference_code"]
    assert coded.codes["tries_left"] == TRIES


def test_codes_are_shown_once(ra, coded):
    shown = ra.staff("issuing_officer").get(coded.path).text + ra.staff("issuing_officer").get(coded.path + "/history").text
    assert coded.codes["authorisation_code"] not in shown


def test_person_may_type_them_in_their_own_way(ra, coded):
    for name in ("reference_code", "authorisation_code"):
        coded.codes[name] = " " + coded.codes[name].lower().replace("-", "  ").replace("0", "o").replace("1", "l")
    coded.produce()


def test_codes_work_once(ra, coded):
    coded.produce()
    coded.refuse("issuing_officer", "production", coded.production(), 409, "state-conflict")


@pytest.mark.log("RA0411")
def test_codes_of_a_failed_production_are_used_up(ra, coded):
    ra.stack.ca.knobs(mode="reject", count=2)
    try:
        coded.ask(expect=(201, 202))
        coded.follow("failed")
    finally:
        ra.stack.ca.reset()
    assert coded.read()["state"] == "awaiting_production"
    coded.refuse("issuing_officer", "production", coded.production(), 409, "codes-missing")
    coded.draw()
    coded.produce()


def test_production_needs_codes(ra):
    case = ra.case("awaiting_production")
    case.codes = {"reference_code": "00000", "authorisation_code": "00000"}
    case.refuse("issuing_officer", "production", case.production(), 409, "codes-missing")


def test_new_codes_void_the_old_ones(ra, coded):
    old = dict(coded.codes)
    coded.draw()
    guess(coded, **{name: old[name] for name in ("reference_code", "authorisation_code")})
    coded.produce()


def test_codes_belong_to_one_application(ra, coded):
    other = ra.case("coded")
    guess(coded, **{name: other.codes[name] for name in ("reference_code", "authorisation_code")})
    other.produce()


def test_both_codes_must_be_right(ra, coded):
    guess(coded)
    guess(coded, authorisation_code=coded.codes["authorisation_code"], reference_code=another(coded.codes["reference_code"]))
    coded.produce()


def test_five_wrong_tries_end_the_pair(ra, coded):
    for _ in range(TRIES):
        said = guess(coded)
        assert "errors" not in said  # nothing to guess from
    guess(coded, "code-locked")
    coded.refuse("issuing_officer", "production", coded.production(), 403, "code-locked")
    coded.draw()
    coded.produce()


def test_the_fifth_try_may_still_be_right(ra, coded):
    for _ in range(TRIES - 1):
        guess(coded)
    coded.produce()


def test_tries_count_for_everybody_together(ra, coded):
    for _ in range(TRIES):
        coded.refuse(ra.system(), "production", coded.production(authorisation_code=another(coded.codes["authorisation_code"])), 403,
                     "code-invalid")
    coded.refuse("issuing_officer", "production", coded.production(), 403, "code-locked")


@pytest.mark.parametrize("spoil", [
    lambda code: code[:-1] + ALPHABET[(ALPHABET.index(code[-1]) + 1) % 32], lambda code: "U" + code[1:], lambda code: "键",
], ids=["check", "letter", "script"])
def test_mistyped_code_is_no_try(ra, coded, spoil):
    for _ in range(TRIES + 1):
        coded.refuse("issuing_officer", "production", coded.production(authorisation_code=spoil(coded.codes["authorisation_code"])), 403,
                     "code-invalid",
                     ("/authorisation_code", "code-mistyped"))
    coded.produce()


def test_bad_request_does_not_use_up_the_codes(ra, coded):
    coded.refuse("issuing_officer", "production", coded.production(csr="nonsense"), 422, "csr-invalid", ("/csr", "csr-unreadable"))
    coded.produce()


def test_wrong_try_is_kept_for_a_repetition(ra, coded):
    """The same request with the same key is the same try."""
    body = coded.production(authorisation_code=another(coded.codes["authorisation_code"]))
    for _ in range(TRIES + 1):
        refused(coded.step(ra.system(), "production", body, expect=403, key="try-" + coded.id), 403, "code-invalid")
    coded.produce()


def test_codes_expire(ra, coded):
    expires = datetime.datetime.fromisoformat(coded.codes["expires_at"].rstrip("Z")[:19])
    assert abs(expires - datetime.datetime.utcnow() - datetime.timedelta(seconds=LIFETIME)) < datetime.timedelta(seconds=60)
    ra.sql(f"UPDATE production_codes SET expires_at = UTC_TIMESTAMP(6) WHERE application_id = UNHEX(REPLACE('{coded.id}', '-', ''))")
    coded.refuse("issuing_officer", "production", coded.production(), 403, "code-expired")
    coded.draw()
    coded.produce()
