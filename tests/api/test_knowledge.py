"""Fault codes, articles and numbers for everybody (domain.md §16): as loaded from sql/data, in both languages, without markup."""
import pytest

from support import refused

# By hand, from the domain
CODES = {"-10101011": "没有找到证书", "-10101019": "签名数据失败", "-10101029": "没有根证书", "-10101039": "证书已过期", "-10101042": "没有查询到"}
NUMBERS = {"hotline": "400-0351-838", "fax": "0351-7037581", "unlocking": "4009-988-988"}


def texts(value):
    """Every {zh-CN, en} of an answer."""
    if isinstance(value, dict) and set(value) == {"zh-CN", "en"}:
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("typed", ["{}", "-{}", "－{}", "−{}", " -{}", "{} "],
                         ids=["bare", "minus", "full width", "minus sign", "space", "after"])
def test_fault_is_found_with_and_without_the_minus_sign(ra, code, typed):
    fault, = ra.public.get("/faults", params={"code": typed.format(code[1:])}).json()["items"]
    assert fault["code"] == code and CODES[code] in fault["symptom"]["zh-CN"]
    assert fault["causes"] and fault["remedies"]
    ra.public.get(f"/articles/{fault['article']}")


def test_all_faults_are_listed_in_order(ra):
    assert [fault["code"] for fault in ra.public.get("/faults").json()["items"]] == list(CODES)


@pytest.mark.parametrize("code", ["10101012", "1", "-0"])
def test_unknown_code_is_answered_with_nothing(ra, code):
    assert ra.public.get("/faults", params={"code": code}).json() == {"items": []}


@pytest.mark.parametrize("code", ["", "-", "--10101011", "1010101x", "1 0", "'", "9" * 20])
def test_what_is_no_code_is_refused(ra, code):
    refused(ra.public.get("/faults", params={"code": code}, expect=400), 400, "request-invalid", ("query:code", "pattern"))


def test_every_article_is_whole_in_both_languages(ra):
    listed = ra.public.get("/articles").json()["items"]
    assert len(listed) >= 10 and {item["section"] for item in listed} == {"knowledge", "troubleshooting"}
    for item in listed:
        assert "blocks" not in item
        article = ra.public.get(f"/articles/{item['slug']}").json()
        assert {name: article[name] for name in item} == item and article["blocks"]
        found = list(texts(article))
        assert all(one["zh-CN"].strip() and one["en"].strip() and one["zh-CN"] != one["en"] for one in found)
        assert not any(sign in one[language] for one in found for language in one for sign in "<>")
        assert all(len(block["texts"]) == 1 for block in article["blocks"] if block["type"] in ("paragraph", "heading"))


def test_locked_ekey_says_what_to_bring_and_whom_to_call(ra):
    said = " ".join(one["zh-CN"] for one in texts(ra.public.get("/articles/ekey-locked").json()))
    for word in ("5 次", "公章", "经办人身份证复印件", "EKey", "4009-988-988"):
        assert word in said


def test_unknown_article_is_not_found(ra):
    for slug in ("nothing", "10101011", "hotline", "UPPER", "a%00b", ".."):
        refused(ra.public.request("GET", f"/articles/{slug}"), 404, "not-found")


def test_numbers_are_those_of_the_domain(ra):
    assert {item["name"]: item["value"] for item in ra.public.get("/contacts").json()["items"]} == NUMBERS


def test_operators_rows_stay_when_the_data_are_loaded_again(ra):
    ra.sql("INSERT INTO knowledge (kind, name, position, content) VALUES ('fault', '777', 99,"
           """ '{"symptom": {"zh-CN": "甲", "en": "a"}, "causes": [], "remedies": []}')""")
    ra.sql("UPDATE knowledge SET content = JSON_SET(content, '$.value', '0') WHERE name = 'hotline'")
    try:
        from harness import schema
        schema.migrate(ra.stack.database, ra.stack.source, "data")
        assert [fault["code"] for fault in ra.public.get("/faults", params={"code": "777"}).json()["items"]] == ["-777"]
        assert {item["value"] for item in ra.public.get("/contacts").json()["items"]} == set(NUMBERS.values())
    finally:
        ra.sql("DELETE FROM knowledge WHERE name = '777'")


def test_regions_are_the_province_and_its_eleven_cities(ra):
    items = ra.public.get("/regions").json()["items"]
    assert [item["code"] for item in items] == [f"14{city:02d}" for city in range(12)]
    assert {item["code"]: item["name"] for item in items}["1401"] == {"zh-CN": "太原市", "en": "Taiyuan"}


def test_answers_may_be_kept_for_a_minute_and_are_the_same_on_every_host(ra):
    for path in ("/faults", "/articles", "/contacts", "/regions"):
        answer = ra.public.get(path)
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert ra.staff("acceptor").get(path).json() == answer.json() == ra.system().get(path).json()
