"""Bodies that are no good JSON or not of the schema (rows J1-J7 of the catalogue of bad input): a documented refusal, and nothing has happened."""
import json

import pytest

from support import refused, unique

MEBIBYTE = 1024 * 1024
GOOD = '"kind": "local", "region": "140100"'


@pytest.fixture(scope="module")
def send(ra):
    """Posts bytes to createOffice as an administrator would."""
    client = ra.administrator
    headers = {**client.manners("POST"), "Content-Type": "application/json"}

    def post(content, **more):
        return client.request("POST", "/offices", content=content, headers={**headers, **more})

    return post


def office(name):
    return f'{{"name": {name}, {GOOD}}}'.encode()


JSON = {
    "NUL by escape": (office('"admin\\u0000x"'), "json-nul"),
    "NUL by byte": (b'{"name": "a\0b", ' + GOOD.encode() + b"}", None),
    "repeated member": (b'{"name": "a", "name": "b", ' + GOOD.encode() + b"}", "json-duplicate"),
    "member that differs by case": (b'{"name": "a", "Name": "b", ' + GOOD.encode() + b"}", "json-duplicate"),
    "bytes after the document": (office('"a"') + b"x", "json-syntax"),
    "two documents": (office('"a"') * 2, "json-syntax"),
    "byte order mark": (b"\xef\xbb\xbf" + office('"a"'), None),
    "raw control character": (office('"a\x01b"'), "json-syntax"),
    "raw line feed in a string": (office('"a\nb"'), "json-syntax"),
    "bad UTF-8": (b'{"name": "\xff\xfe", ' + GOOD.encode() + b"}", "json-utf8"),
    "overlong UTF-8": (b'{"name": "\xc0\xaf", ' + GOOD.encode() + b"}", "json-utf8"),
    "surrogate in UTF-8": (b'{"name": "\xed\xa0\x80", ' + GOOD.encode() + b"}", "json-utf8"),
    "lone surrogate by escape": (office('"\\ud800"'), None),
    "GB18030": (office('"山西"').decode().encode("gb18030"), "json-utf8"),
    "UTF-16": (office('"a"').decode().encode("utf-16"), None),
    "number 0123": (office("0123"), None),
    "number 1.": (office("1."), None),
    "number 1e400": (office("1e400"), "json-number"),
    "number 2^53+1": (office("9007199254740993"), "json-number"),
    "number 2^63": (office("9223372036854775808"), "json-number"),
    "number of 10,000 digits": (office("1" * 10000), None),
    "NaN": (office("NaN"), "json-syntax"),
    "single quotes": (office("'a'"), "json-syntax"),
    "comment": (office('"a" /* x */'), "json-syntax"),
    "trailing comma": (b'{"name": "a",}', "json-syntax"),
    "depth 100,000": (b"[" * 100000 + b"]" * 100000, "json-depth"),
    "depth 33": (b"[" * 33 + b"]" * 33, "json-depth"),
    "10,000 members": (json.dumps({f"k{place}": 1 for place in range(10000)}).encode(), "json-size"),
    "unfinished": (b'{"name": "a"', "json-syntax"),
    "only white space": (b"   ", None),
    "escape that is none": (office('"\\x41"'), "json-syntax"),
}


@pytest.mark.parametrize("what", JSON)
def test_text_is_no_good_json(send, what):
    content, violation = JSON[what]
    expected = [("", violation)] if violation else []
    refused(send(content), 400, "json-invalid", *expected)


@pytest.mark.parametrize("body,violations", [
    ([], [("", "wrong-type")]), ("text", [("", "wrong-type")]), (None, [("", "wrong-type")]), (1, [("", "wrong-type")]),
    ({}, [("/name", "required"), ("/kind", "required"), ("/region", "required")]),
    ({"name": 1, "kind": None, "region": []}, [("/name", "wrong-type"), ("/kind", "wrong-type"), ("/region", "wrong-type")]),
    ({"name": "", "kind": "", "region": ""}, [("/name", "too-short"), ("/kind", "not-in-list"), ("/region", "format-region")]),
    ({"name": "名" * 101, "kind": "local", "region": "140100"}, [("/name", "too-long")]),
    ({"name": "x", "kind": "local", "region": "140100", "admin": True}, [("/admin", "unknown-member")]),
    ({"name": "x", "kind": "local", "region": "140100", "a/b~c": 1}, [("/a~1b~0c", "unknown-member")]),
    ({"name": {"$ne": ""}, "kind": "local", "region": "140100"}, [("/name", "wrong-type")]),
    ({"name": "x", "kind": "local", "region": "14010"}, [("/region", "format-region")]),
    ({"name": "x", "kind": "local", "region": "١٤٠١٠٠"}, [("/region", "format-region")]),
])
def test_every_wrong_place_is_named_at_once(send, body, violations):
    said = refused(send(json.dumps(body).encode()), 422, "body-invalid", *violations)
    assert len(said["errors"]) == len(violations)


def test_lengths_count_characters_not_bytes(send):
    name = unique("")[:8] + "𠀀" * 46 + "名" * 46
    assert send(json.dumps({"name": name, "kind": "local", "region": "140100"}, ensure_ascii=False).encode()).status_code == 201


def test_escapes_mean_what_they_say(send):
    word = unique("")
    content = office('"\\u592a\\u539f \\ud840\\udc00 ' + word + '"')
    assert send(content).json()["name"] == f"太原 𠀀 {word}"


@pytest.mark.parametrize("changes,pointer,violation", [
    ({"validity_years": 11}, "/validity_years", "too-large"), ({"validity_years": 0}, "/validity_years", "too-small"),
    ({"validity_years": 1.5}, "/validity_years", "wrong-type"), ({"validity_years": "1"}, "/validity_years", "wrong-type"),
    ({"validity_years": True}, "/validity_years", "wrong-type"), ({"kind": "human"}, "/kind", "not-in-list"),
    ({"usage": None}, "/usage", "wrong-type"), ({"business": "Issue!"}, "/business", "pattern"), ({"note": "n" * 501}, "/note", "too-long"),
    ({"subject_name": "n" * 65}, "/subject_name", "too-long"),
    ({"subscriber": {"social_security_no": "14 01"}}, "/subscriber/social_security_no", "format-social-security-number"),
    ({"subscriber": {"organisation_code": {"type": "organisation_code", "value": "D2143569-0"}}}, "/subscriber/organisation_code/value",
     "format-organisation-code"),
    ({"subscriber": {"organisation_code": {"type": "uscc", "value": "91140100590876546M"}}}, "/subscriber/organisation_code/value",
     "format-uscc"),
    ({"subscriber": {"id_document": {"type": "resident_id", "number": "110105194912310021"}}}, "/subscriber/id_document/number",
     "format-national-id"),
    ({"subscriber": {"contact": {"name": "王", "phone": "call me"}}}, "/subscriber/contact/phone", "pattern"),
    ({"subscriber": {"contact": {"name": "王", "phone": "13800000000", "email": "a@"}}}, "/subscriber/contact/email", "format-email"),
    ({"subscriber": {"agency_id": "1"}}, "/subscriber/agency_id", "format-uuid"),
    ({"subscriber": {"tier": "village"}}, "/subscriber/tier", "not-in-list"),
    ({"subscriber": {"region": "140"}}, "/subscriber/region", "format-region"),
])
def test_application_form_is_checked_member_by_member(ra, changes, pointer, violation):
    form = ra.case().form
    form["subscriber"].update(changes.get("subscriber", {}))
    form.update({name: value for name, value in changes.items() if name != "subscriber"})
    refused(ra.system().post("/applications", form, expect=422), 422, "body-invalid", (pointer, violation))


@pytest.mark.parametrize("media", ["text/json", "application/xml", "text/plain", "application/x-www-form-urlencoded",
                                   "multipart/form-data; boundary=x",
                                   "application/json; charset=gb18030", "application/json; charset=iso-8859-1", "application/jsonx", ""])
def test_other_media_types_are_refused(send, media):
    refused(send(office('"a"'), **{"Content-Type": media}), 415, "media-type")


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"',
                                   "application/json ; q=1"])
def test_ways_to_write_the_media_type(send, media):
    assert send(office(f'"{unique("m")}"'), **{"Content-Type": media}).status_code == 201


def test_compressed_body_is_refused(send):
    refused(send(office('"a"'), **{"Content-Encoding": "gzip"}), 415, "media-type")


def test_body_is_needed(send):
    refused(send(b""), 400, "body-missing")


def test_body_above_one_mebibyte_is_refused(send):
    refused(send(office('"' + "a" * MEBIBYTE + '"')), 413, "body-too-large")
    refused(send(office('"' + "a" * (MEBIBYTE - 100) + '"')), 422, "body-invalid", ("/name", "too-long"))
