"""The bundler: what it refuses, what it makes, and whether the real sources say what they mean."""
import json
import pathlib
import re
import shutil
import subprocess

import jsonschema
import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "api-spec"
BUNDLE = SOURCE / "bundle"


def run(source, *arguments):
    return subprocess.run([BUNDLE, "--source", source, *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def sources(tmp_path):
    """A copy of the real sources, to be changed."""
    copy = tmp_path / "api-spec"
    shutil.copytree(SOURCE, copy)
    return copy


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    out = tmp_path_factory.mktemp("bundle") / "openapi.json"
    done = run(SOURCE, "--out", out)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text("utf-8"))


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def change(sources, name, old, new):
    path = sources / name
    text = path.read_text("utf-8")
    assert text.count(old) >= 1, f"{name} has no {old!r}"
    path.write_text(text.replace(old, new, 1), "utf-8")


OFFICES = "resources/offices.yaml"

REFUSALS = [
    # YAML
    ("repeated key", OFFICES, "    get:\n", "    get: {}\n    get:\n", "the key 'get' is repeated"),
    ("repeated key in a flow", OFFICES, "{roles: [administrator]}", "{roles: [administrator], roles: [auditor]}", "the key 'roles' is repeated"),
    ("anchor", OFFICES, "[administrator, auditor, manager]", "&a [administrator]", "anchors and aliases"),
    ("alias", OFFICES, "operationId: listOffices", "operationId: *a", "anchors and aliases"),
    ("merge key", OFFICES, "    get:\n", "    get:\n      <<: {a: b}\n", "merge keys"),
    ("own tag", OFFICES, "operationId: listOffices", "operationId: !!str listOffices", "tags are not allowed"),
    ("python tag", OFFICES, "operationId: listOffices", "operationId: !!python/name:os.system", "tags are not allowed"),
    ("key that is no text", OFFICES, "    get:\n", "    [a]: b\n    get:\n", "a key must be a plain text"),
    ("number with leading zeros", OFFICES, 'region: "140100"', "region: 040100", "quote a number with leading zeros"),
    ("not a number", OFFICES, 'region: "140100"', "region: .nan", "has no place in JSON"),
    ("two documents", OFFICES, "\nschemas:", "\n---\nschemas:", "expected a single document"),
    ("broken", OFFICES, "schemas:", "schemas: [", "offices.yaml"),
    # references
    ("unresolved reference", OFFICES, "schemas/OfficeBody", "schemas/OfficeBodi", "names nothing"),
    ("missing file", OFFICES, "../common.yaml#/parameters/Limit", "../comon.yaml#/parameters/Limit", "No such file"),
    ("outside of the sources", OFFICES, "../common.yaml#/parameters/Limit", "../../common.yaml#/parameters/Limit", "outside of"),
    ("reference without place", OFFICES, "../common.yaml#/parameters/Limit", "../common.yaml", "must be [file]#/section/name"),
    ("deep reference", OFFICES, "#/schemas/OfficeBody", "#/schemas/OfficeBody/properties/name", "must name one of"),
    ("members beside a reference", OFFICES, '{$ref: "#/schemas/OfficeKind"}', '{$ref: "#/schemas/OfficeKind", description: x}',
     "has members beside it"),
    ("two things of one name", OFFICES, "schemas:\n", "schemas:\n  Person: {type: string}\n", None),
    ("unused", OFFICES, "schemas:\n", "schemas:\n  Nobody: {type: string}\n", "schemas/Nobody is used nowhere"),
    # operations
    ("no operationId", OFFICES, "      operationId: listOffices\n", "", "GET /offices: needs operationId"),
    ("no access", OFFICES, "      x-ra-access: {roles: [administrator, auditor, manager]}\n", "", "needs x-ra-access"),
    ("empty access", OFFICES, "{roles: [administrator, auditor, manager]}", "{roles: []}", "non-empty roles and scopes"),
    ("public with roles", OFFICES, "{roles: [administrator, auditor, manager]}", "{public: true, roles: [auditor]}", "x-ra-access is"),
    ("yes is not true", "resources/service.yaml", "{public: true}", "{public: yes}", "x-ra-access is"),
    ("no Chinese summary", OFFICES, "      x-summary-zh: 受理机构列表\n", "", "needs x-summary-zh"),
    ("operationId twice", OFFICES, "operationId: createOffice", "operationId: listOffices", "the operationId is also at"),
    ("no success", OFFICES, '        "200":\n', '        "302":\n', "needs an answer for success"),
    ("problem answer by hand", OFFICES, '        "200":\n', '        "404": {$ref: "../common.yaml#/responses/Problem"}\n        "200":\n',
     "it is not written by hand"),
    ("unknown problem", OFFICES, "[duplicate-name, deceptive-name]", "[duplicate-nome, deceptive-name]", "there is no problem 'duplicate-nome'"),
    ("unknown method", OFFICES, "    get:\n", "    fetch:\n", "not a method"),
    ("path in place", "openapi.yaml", '/me: {$ref: "resources/service.yaml#/paths/me"}', "/me: {get: {}}", "must be a $ref into a resource file"),
    # problems
    ("status", "problems.yaml", "status: 400", "status: 200", "status must be 400 to 599"),
    ("status as text", "problems.yaml", "status: 400", 'status: "400"', "status must be 400 to 599"),
    ("missing language", "problems.yaml", 'required: {zh-CN: "必填", en: "is required"}', 'required: {en: "is required"}', "needs the texts zh-CN and en"),
    ("empty text", "problems.yaml", '"is required"', '" "', "the en text is empty"),
    ("placeholders differ", "problems.yaml", "has more than {max} characters", "has more than {most} characters", "differ in their placeholders"),
    ("placeholder of odd form", "problems.yaml", "has more than {max} characters", "has more than {MAX} characters", "a placeholder is"),
    ("code of odd form", "problems.yaml", "  json-invalid:", "  json_invalid:", "not a code"),
    ("member of odd name", "problems.yaml", "    status: 400\n", "    status: 400\n    detail: x\n", "must hold status, title and advice only"),
]


@pytest.mark.parametrize("name, file, old, new, reason", REFUSALS, ids=[row[0] for row in REFUSALS])
def test_is_refused_with_its_place(sources, tmp_path, name, file, old, new, reason):
    change(sources, file, old, new)
    if reason is None:
        change(sources, file, "items: {$ref: \"#/schemas/Office\"}", "items: {$ref: \"#/schemas/Person\"}")
        reason = "schemas/Person is also defined in"
    done = run(sources, "--out", tmp_path / "out.json", "--problems-header", tmp_path / "out.h")
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.json").exists()


def test_scalars_are_those_of_yaml_1_2(sources, tmp_path):
    words = {"no": "no", "Yes": "Yes", "on": "on", "2024-01-01": "2024-01-01", "12:30": "12:30", "1_000": "1_000", "0o17": 15,
             "0x1F": 31, "1.5": 1.5, "1e3": 1000.0, "true": True, "~": None, "null": None, "-7": -7, "'7'": "7"}
    change(sources, "openapi.yaml", "  version: 1.0.0\n", "  version: 1.0.0\n  x-words: [%s]\n" % ", ".join(words))
    done = run(sources, "--out", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out.json").read_text("utf-8"))["info"]["x-words"]
    assert found == list(words.values())
    assert [type(value) for value in found] == [type(value) for value in words.values()]


def test_the_same_sources_make_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        assert run(SOURCE, "--out", tmp_path / f"{name}.json", "--problems-header", tmp_path / f"{name}.h").returncode == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.h").read_bytes() == (tmp_path / "b.h").read_bytes()


def test_an_unchanged_file_keeps_its_time(tmp_path):
    header = tmp_path / "ra_problems.h"
    run(SOURCE, "--problems-header", header)
    before = header.stat().st_mtime_ns
    run(SOURCE, "--problems-header", header)
    assert header.stat().st_mtime_ns == before


def test_the_header_names_every_code(document, tmp_path):
    header = tmp_path / "ra_problems.h"
    assert run(SOURCE, "--problems-header", header).returncode == 0
    text = header.read_text("utf-8")
    assert "Generated by api-spec/bundle" in text.splitlines()[0]
    for kind, codes in (("PROBLEM", document["x-ra-problems"]), ("VIOLATION", document["x-ra-violations"])):
        for code in codes:
            assert f'#define RA_{kind}_{code.upper().replace("-", "_")} "{code}"\n' in text
    program = tmp_path / "program.c"
    program.write_text('#include "ra_problems.h"\n#include "ra_problems.h"\n#define X(symbol, code) code,\n'
                       "const char *const all[] = {RA_PROBLEM_CODES(X) RA_VIOLATION_CODES(X)};\n", "utf-8")
    compiled = subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", program], capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr


def test_every_reference_of_the_document_leads_to_a_component(document):
    def walk(value):
        if isinstance(value, dict):
            if "$ref" in value:
                _, components, section, name = value["$ref"].split("/")
                assert components == "components" and name in document["components"][section]
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)
    walk(document)


def test_every_operation_answers_with_problems(document):
    for method, path, operation in operations(document):
        assert {"400", "404", "406", "421", "429", "500", "503"} <= set(operation["responses"]), path
        assert ("403" in operation["responses"]) == ("public" not in operation["x-ra-access"]), path
        statuses = {str(document["x-ra-problems"][code]["status"]) for code in operation["x-ra-problem-codes"]}
        problems = {status for status, answer in operation["responses"].items() if answer.get("$ref") == "#/components/responses/Problem"}
        assert statuses == problems


def test_writes_take_an_idempotency_key_and_changes_an_etag(document):
    creations = {"createOffice", "createAgency", "createPerson", "createSystem", "createApplication", "createApplicationsInBulk",
                 "decideForAgencyInBulk", "reviewApplicationsInBulk"}  # the version is in each row
    open_to_all = {operation["operationId"] for _, _, operation in operations(document) if "public" in operation["x-ra-access"]}
    for method, path, operation in operations(document):
        names = {parameter["$ref"].rsplit("/", 1)[1] for parameter in operation.get("parameters", []) if "$ref" in parameter}
        if operation["operationId"] in open_to_all:
            assert "IdempotencyKey" not in names and "IfMatch" not in names, path  # nobody to keep an answer for
            continue
        assert ("IdempotencyKey" in names) == (method != "get"), path
        assert ("IfMatch" in names) == (method != "get" and operation["operationId"] not in creations), path
        assert ("428" in operation["responses"]) == ("IfMatch" in names), path


# a few rows each that nobody adds to over the API
WHOLE = {"BusinessList", "FaultList", "ArticleList", "ContactList", "RejectionReasonList", "DownloadList", "CaCertificateList", "RegionList"}


def test_lists_come_in_pages(document):
    for method, path, operation in operations(document):
        schema = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        name = schema.get("$ref", "").rsplit("/", 1)[-1]
        if name.endswith("List") and name not in WHOLE:
            names = {parameter["$ref"].rsplit("/", 1)[1] for parameter in operation.get("parameters", ()) if "$ref" in parameter}
            assert {"Limit", "Cursor"} <= names, path
            assert "next_cursor" in document["components"]["schemas"][name]["properties"], path


def test_examples_are_valid_and_every_body_has_one(document):
    checker = jsonschema.FormatChecker(["date", "uuid"])

    def check(schema, value, place):
        jsonschema.Draft202012Validator({**schema, "components": document["components"]}, format_checker=checker).validate(value)

    for name, schema in document["components"]["schemas"].items():
        for value in schema.get("examples", []):
            check(schema, value, name)
    for method, path, operation in operations(document):
        for name, media in operation.get("requestBody", {}).get("content", {}).items():
            assert name.endswith("json") == ("schema" in media), f"{path}: bytes have no schema, JSON has one"
            if not media:
                continue
            schema = document["components"]["schemas"][media["schema"]["$ref"].rsplit("/", 1)[1]]
            assert schema.get("examples"), f"{path} has no example"


def test_schemas_are_schemas(document):
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_texts_in_chinese_are_simplified_and_in_english_without_chinese(document):
    traditional = set("證書請據號碼單頁與無為這個應該檢發錄審歸檔")
    chinese = re.compile(r"[\u4e00-\u9fff]")
    texts = [problem[part] for problem in document["x-ra-problems"].values() for part in ("title", "advice")]
    texts += list(document["x-ra-violations"].values()) + list(document["x-ra-words"].values())
    for text in texts:
        assert not (set(text["zh-CN"]) & traditional), text["zh-CN"]
        assert not chinese.search(text["en"]), text["en"]
    for method, path, operation in operations(document):
        assert chinese.search(operation["x-summary-zh"]) and not chinese.search(operation["summary"]), path
