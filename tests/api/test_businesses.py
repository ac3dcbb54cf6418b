"""docs/business.md says what the table of businesses says, and the other way round."""
import pathlib
import re

import pytest

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs" / "business.md"
SAID_ELSEWHERE = ("form_name", "guide")  # said from the same table in words, see the tests at the end
KINDS = ("organisation", "person", "server")


def tables():
    """The tables of the document by the first cells of their header: lists of rows, each a list of cells."""
    found, rows = {}, None
    for line in DOCUMENT.read_text("utf-8").splitlines():
        if not line.startswith("|"):
            rows = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if rows is None:
            rows = found.setdefault(" | ".join(cells), [])
        elif not set(line) <= set("|-"):
            rows.append(cells)
    return found


def table(start):
    (_, rows), = [(header, rows) for header, rows in tables().items() if header.startswith(start)]
    return rows


def words(cell):
    return re.findall(r"`([^`]+)`", cell)


def paragraph(word):
    """The one line of the document that explains a word."""
    line, = [line for line in DOCUMENT.read_text("utf-8").splitlines() if f"(`{word}`)" in line]
    return line


def is_yes(cell):
    return {"yes": True, "no": False}[cell]


def documented():
    """The businesses as the document has them, in the shape of GET /businesses."""
    lists = {name: [] for name in "ABCDEFGH"}
    for name, step, title, state, who, system, only_by in table("list | step | 环节"):
        one = {"step": words(step)[0], "zh": title, "state": words(state)[0], "roles": words(who), "scopes": words(system)}
        lists[name].append({**one, **({"same_hand": words(only_by)[0]} if words(only_by) else {})})
    pairs = {name: [] for name in lists}
    for name, one, other in table("list | step | step"):
        pairs[name].append([*words(one), *words(other)])
    businesses = {}
    for _, name, zh, form, fee, steps in table("§ | business | 中文"):
        businesses[words(name)[0]] = {"zh": zh, "form": form, "fee": is_yes(fee), "steps": lists[steps], "separate_hands": pairs[steps],
                                      "agency_approval": lists[steps][0]["step"] == "agency_decision", "by_ra": False}
    for name, takes, asks, effect, old, changes, keeps, void in table("business | takes"):
        one = businesses[words(name)[0]]
        one.update(takes=words(takes), asks=words(asks), effect=words(effect)[0], changes_name=is_yes(changes), keeps_key=is_yes(keeps),
                   tells_void=is_yes(void), **({"old_certificate": words(old)[0]} if words(old) else {}))
    for name in words(paragraph("by_ra")):
        if name in businesses:
            businesses[name]["by_ra"] = True
    for names, *materials in table("business | `organisation`"):
        for name in words(names):
            businesses[name]["materials"] = {kind: words(cell) for kind, cell in zip(KINDS, materials)}
    return businesses


def shown(ra):
    """The table as the API shows it, without what only a test build has."""
    businesses = {}
    for item in ra.public.get("/businesses").json()["items"]:
        steps = [{**{name: value for name, value in step.items() if name != "name"}, "zh": step["name"]["zh-CN"]} for step in item["steps"]]
        businesses[item["business"]] = {**{name: value for name, value in item.items() if name not in ("business", "name", *SAID_ELSEWHERE)},
                                        "zh": item["name"]["zh-CN"], "steps": steps}
    businesses.pop("drill", None)
    return businesses


def test_the_document_names_every_business_and_no_other(ra):
    assert list(documented()) == list(shown(ra))


@pytest.mark.parametrize("business", sorted(documented()))
def test_each_business_is_as_documented(ra, business):
    wanted, really = documented()[business], shown(ra)[business]
    for name in sorted({*wanted, *really}):
        assert wanted.get(name) == really.get(name), name


def test_the_document_tells_every_state(ra):
    states = {words(state)[0] for state, *_ in table("state | 状态")} | {words(row[3])[0] for row in table("list | step | 环节")}
    known, = [parameter["schema"] for parameter in ra.document.document["paths"]["/applications"]["get"]["parameters"]
              if parameter.get("name") == "state"]
    assert states | {"in_execution"} == set(ra.document.resolve(known)["enum"])


def test_the_document_translates_every_material(ra):
    text = DOCUMENT.read_text("utf-8")
    for kind in KINDS:
        for name in ra.public.get("/businesses").json()["items"][0]["materials"][kind]:
            assert re.search(rf"`{name}`\s[^`|]*[\u4e00-\u9fff]", text), name


def test_the_files_that_the_document_names_are_there():
    root = DOCUMENT.parents[1]
    for row in table("what | where"):
        for name in words(row[1]):
            assert list(root.glob(name)) or list(root.glob(f"mod_ra/business/*/{name}")), name


# The handling guide, made from the same table.

def guide(ra, business):
    item, = [one for one in ra.public.get("/businesses").json()["items"] if one["business"] == business]
    return item


def test_what_nobody_can_apply_for_has_no_guide(ra):
    assert [item["business"] for item in ra.public.get("/businesses").json()["items"] if item["by_ra"]] == ["release", "abolish"]
    assert not [item for item in ra.public.get("/businesses").json()["items"] if item["by_ra"] and item["guide"]]


@pytest.mark.parametrize("business", sorted(name for name, one in documented().items() if not one["by_ra"]))
def test_guide_tells_what_the_table_says(ra, business):
    item = guide(ra, business)
    said = {(line["topic"], line["text"]["zh-CN"]) for line in item["guide"]}
    topics = [line["topic"] for line in item["guide"]]
    assert topics == sorted(topics, key=("before", "bring", "fee", "after").index)
    assert (("fee", "不收费。") in said) == (not item["fee"])
    assert any("主管社保经办单位批准" in text for _, text in said) == item["agency_approval"]
    assert any("丢失的证书即作废" in text for _, text in said) == item["tells_void"]
    assert any("EKey 本身" in text for _, text in said) == (business == "unlock")
    assert any("最长 6 个月" in text for _, text in said) == (business == "suspend")
    assert item["form_name"]["zh-CN"] == item["form"]
    for line in item["guide"]:
        assert line["text"]["en"].isascii() and line["text"]["zh-CN"] != line["text"]["en"]


def test_guide_has_a_word_for_each_material_role_and_state(ra):
    answer = ra.public.get("/businesses").json()
    for item in answer["items"]:
        if item["business"] != "drill":
            names = [name for names in item["materials"].values() for name in names]
            names += [name for step in item["steps"] for name in (*step["roles"], step["state"])]
            assert set(names) <= set(answer["words"])
