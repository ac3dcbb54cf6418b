"""The texts of the web UI, read from its sources: each is there in both languages, and every text that a page names exists.

What a page puts together at run time (`state.${…}`) is seen by the browser ring: a text that is not there is an error on its console.
"""
import pathlib
import re

import pytest

SOURCES = pathlib.Path(__file__).resolve().parent.parent.parent / "htdocs" / "src"
ENTRIES = ("console", "portal")
AREA = re.compile(r"^addMessages\('(\w+)', \{(.*?)\}\)$", re.M | re.S)
STRING = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
PAIR = re.compile(rf"(\w+|'[\w-]+'): \[\s*({STRING}),\s*({STRING}),?\s*\]")
NAMED = re.compile(r"""(?<![\w.])\$?t\(\s*(?:[\w.!?&|= ]+\? ?)?'(\w+)\.(\w+)'(?: : '(\w+)\.(\w+)')?""")
TITLE = re.compile(r"title: '(\w+)\.(\w+)'")
AREAS = re.compile(r"""(?:(?<![\w.])\$?t\(`|\bte\(`|\b(?:word|options|wordOnPaper)\(')(\w+)[.']""")
PLACE = re.compile(r"\{(\w+)\}")
COMMENT = re.compile(r"^\s*//.*?$|/\*\*.*?\*/", re.M | re.S)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Words that have one form: the switch names the other language, SM2 and names of examples are what they are.
OWN_FORM = {("common", "language"), ("key", "sm2"), ("key", "ec_p256"), ("status", "subjectHint")}


def files(*folders):
    return [file for folder in folders for file in sorted((SOURCES / folder).rglob("*")) if file.suffix in (".ts", ".vue")]


def source_of(file):
    return COMMENT.sub("", file.read_text("utf-8"))


def texts(*folders):
    """(area, key) → (Chinese, English) of the messages in the folders."""
    found = {}
    for file in files(*folders):
        for area, body in AREA.findall(file.read_text("utf-8")):
            pairs = PAIR.findall(body)
            rest = PAIR.sub("", body)
            assert not re.search(r"\w", rest), f"{file.name}: {area}: what is no pair of texts: {rest.strip()}"
            for key, chinese, english in pairs:
                key = key.strip("'")
                assert (area, key) not in found, f"{file.name}: {area}.{key} is there twice"
                found[area, key] = chinese[1:-1], english[1:-1]
    return found


@pytest.fixture(scope="module", params=ENTRIES)
def entry(request):
    return request.param


@pytest.fixture(scope="module")
def known(entry):
    return texts("shared", entry)


def test_each_text_is_in_both_languages(known):
    assert len(known) > 200
    for (area, key), (chinese, english) in known.items():
        name = f"{area}.{key}"
        assert chinese.strip() and english.strip(), name
        assert sorted(PLACE.findall(chinese)) == sorted(PLACE.findall(english)), name
        if (area, key) not in OWN_FORM:
            assert CHINESE.search(chinese), f"{name} is not Chinese: {chinese}"
            assert not CHINESE.search(english), f"{name} is not English: {english}"


def test_what_both_entries_say_stands_once():
    shared, *own = texts("shared"), *(texts(entry) for entry in ENTRIES)
    assert {area for area, _ in shared}.isdisjoint({area for one in own for area, _ in one} - {"state"})


def test_every_text_that_a_page_names_is_there(entry, known):
    areas = {area for area, _ in known}
    missing = []
    for file in files("shared", entry):
        source = source_of(file)
        named = [pair for one in NAMED.findall(source) for pair in (one[:2], one[2:]) if pair[0]] + TITLE.findall(source)
        missing += [f"{file.name}: {area}.{key}" for area, key in named if (area, key) not in known]
        missing += [f"{file.name}: {area}.…" for area in AREAS.findall(source) if area not in areas]
    assert not missing


def test_every_text_is_used(entry, known):
    """An area that pages put keys together for is used whole; a key of another is named somewhere."""
    sources = "".join(source_of(file) for file in files("shared", entry) if not AREA.search(source_of(file)))
    whole = set(AREAS.findall(sources))
    unused = [f"{area}.{key}" for area, key in texts(entry) if area not in whole and f"{area}.{key}" not in sources
              and not re.search(rf"['`]{key}['`]", sources)]
    assert not unused
