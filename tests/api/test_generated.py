"""Requests made from the API document: each member of each example replaced by everything odd (J7). Never a 5xx."""
import copy
import re

import pytest

from checker import BASE

NOBODY = "019ab2c4-7d10-7c3e-9a51-2f6d0b8e4c31"
ODD = (None, True, 0, -1, 1.5, 2 ** 53 - 1, 2 ** 53, -2 ** 63, "", " ", "x" * 2000, "0", "\u202e", "a\u200bb", "𠀀" * 30, "'\"\\<>&;%00",
       "../..", [], {}, [[]],
       [None], {"": ""}, {"a": {"b": []}})
ODD_TEXT = ("", " ", "0", "-1", "x" * 2000, "%00", "%", "%2", "%ff", "%F0%A0%80%80", "\u202e", "null", "[]", "true", "1&", "=", "a=b", "'",
            "\"", "\\", "..", ";")


def places(value, path=()):
    """Where a value can be put: every member and item of a body, and the body itself."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def some(values, turn, count=3):
    """A few of the values, the next ones at each turn: all places together see them all."""
    return [values[(turn * count + place) % len(values)] for place in range(count)]


def replaced(body, path, value):
    if not path:
        return value
    changed = copy.deepcopy(body)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return changed


def operations(document, wanted):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "put", "patch") and wanted(operation):
                yield method.upper(), re.sub(r"\{\w+\}", NOBODY, path), operation


def caller(ra, operation):
    """Somebody who may call the operation."""
    roles = operation["x-ra-access"].get("roles")
    return ra.staff(roles[0]) if roles else ra.public


def example_of(ra, operation):
    media, content = next(iter(operation["requestBody"]["content"].items()))
    return media, ra.document.resolve(content.get("schema", {})).get("examples", [{}])


def test_odd_values_in_every_place_of_every_body(ra):
    count = 0
    for method, path, operation in operations(ra.document.document, lambda one: "requestBody" in one):
        client = caller(ra, operation)
        media, examples = example_of(ra, operation)
        headers = {**client.manners(method), "Content-Type": media, "If-Match": '"999.json"'}
        for example in examples:
            for place in places(example):
                for value in some(ODD, count) if place else ODD:
                    answer = client.request(method, BASE + path, json=replaced(example, place, value), headers=headers)
                    assert answer.status_code < 500, (method, path, place, value, answer.text)
                    count += 1
    assert count > 500


def test_every_example_of_the_document_is_taken(ra):
    """The examples are valid: with an id of nobody they come as far as 404, with references to nobody to a refusal of the business."""
    for method, path, operation in operations(ra.document.document, lambda one: "requestBody" in one):
        client = caller(ra, operation)
        media, examples = example_of(ra, operation)
        for example in examples:
            answer = client.request(method, BASE + path, json=example,
                                    headers={**client.manners(method), "Content-Type": media, "If-Match": '"999.json"'})
            code = answer.json().get("code")
            assert code not in ("body-invalid", "json-invalid", "media-type", "body-missing"), (operation["operationId"], answer.text)


@pytest.mark.parametrize("place", ["query", "path", "header"])
def test_odd_values_in_every_parameter(ra, place):
    for turn, (method, path, operation) in enumerate(operations(ra.document.document, lambda one: True)):
        client = caller(ra, operation)
        for parameter in map(ra.document.resolve, operation.get("parameters", ())):
            if parameter["in"] != place:
                continue
            for value in some(ODD_TEXT, turn, 7):
                address, headers = BASE + path, dict(client.manners(method))
                if place == "query":
                    address += f"?{parameter['name']}={value}"
                elif place == "path":
                    address = address.replace(NOBODY, value or "x", 1)
                elif not value.isascii() or value != value.strip():
                    continue  # what no header can carry
                else:
                    headers[parameter["name"]] = value
                answer = client.request(method, address, headers=headers)
                assert answer.status_code < 500, (method, address, headers, answer.text)
