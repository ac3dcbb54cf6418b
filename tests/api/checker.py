"""Checks an answer against the API document that the server itself serves: operation, status, headers, media type, body, texts."""
import re

from jsonschema import Draft202012Validator, FormatChecker, RefResolver

from harness import samples

BASE = "/api/v1"
PROBLEM = "application/problem+json"
METHODS = ("get", "post", "put", "patch", "delete")
formats = FormatChecker(formats=())


def by_pattern(pattern):
    return lambda value: not isinstance(value, str) or re.fullmatch(pattern, value) is not None


UUID = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
for name, pattern in {"uuid": UUID, "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", "ra-sha256": "[0-9a-f]{64}",
                      "ra-region": "[1-9][0-9]{5}", "ra-region-prefix": "([0-9]{2}){1,3}",
                      "ra-application-number": "[0-9]{16}", "ra-social-security-number": "[0-9A-Z]{6,20}",
                      "email": r"[^@\s]+@[^@\s]+"}.items():
    formats.checks(name)(by_pattern(pattern))
formats.checks("ra-uscc")(lambda value: value == samples.uscc(body=value[:17]))
formats.checks("ra-organisation-code")(lambda value: value == samples.organisation_code(value[:8]))
formats.checks("ra-national-id")(lambda value: value == samples.resident_id(value[:6], value[6:14], int(value[14:17])))


class Document:
    """The document with its operations by method and path."""

    def __init__(self, document):
        self.document = document
        self.problems = document["x-ra-problems"]
        self.resolver = RefResolver.from_schema(document)
        self.paths = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), item) for path, item in document["paths"].items()]

    def methods(self, path):
        """The path's operations by method; None for a path that is not there."""
        for pattern, item in self.paths:
            if pattern.fullmatch(path):
                return {name.upper(): operation for name, operation in item.items() if name in METHODS}
        return None

    def resolve(self, thing):
        return self.resolver.resolve(thing["$ref"])[1] if "$ref" in thing else thing

    def demand_schema(self, schema, value):
        errors = sorted(Draft202012Validator(schema, resolver=self.resolver, format_checker=formats).iter_errors(value), key=str)
        assert not errors, "\n".join(f"/{'/'.join(map(str, one.absolute_path))}: {one.message}" for one in errors[:10])

    # Problem documents.

    def demand_problem(self, response, operation=None):
        assert response.headers["Content-Type"] == PROBLEM, response.text[:300]
        body = response.json()
        self.demand_schema({"$ref": "#/components/schemas/Problem"}, body)
        code, language = body["code"], response.headers["Content-Language"]
        known = self.problems[code]
        assert body["status"] == response.status_code == known["status"]
        assert body["type"] == f"{BASE}/problems/{code}"
        assert response.headers["Cache-Control"] == "no-store"
        replayed = response.headers.get("Idempotency-Replayed") == "true"
        assert replayed or body["trace_id"] == response.headers["traceparent"].split("-")[1]
        if operation:
            assert code in operation["x-ra-problem-codes"], f"{code} is no problem of {operation['operationId']}"
        self.demand_texts(body, known, language)

    def demand_texts(self, body, known, language):
        assert says(known["title"][language], body["title"])
        assert says(known["advice"][language], body["detail"])
        for error in body.get("errors", ()):
            assert says(self.document["x-ra-violations"][error["code"]][language], error["detail"]), error

    # Answers.

    def demand(self, response):
        """An AssertionError says how the answer differs from what the document promises."""
        request = response.request
        path = request.url.path
        if not path.startswith(BASE + "/"):
            if response.status_code >= 400 and response.headers.get("Content-Type") == PROBLEM:
                self.demand_problem(response)
            return
        methods = self.methods(path[len(BASE):])
        operation = (methods or {}).get("GET" if request.method == "HEAD" else request.method)
        if operation:
            self.demand_operation(response, operation)
        elif methods and request.method == "OPTIONS":
            assert response.status_code == 204 and not response.content
            self.demand_allow(response, methods)
        else:
            assert response.status_code in (429, 405 if methods else 404), response.status_code
            if request.method == "HEAD":
                assert not response.content
            else:
                self.demand_problem(response)
            if response.status_code == 405:
                self.demand_allow(response, methods)

    def demand_allow(self, response, methods):
        said = set(re.split(r"\s*,\s*", response.headers["Allow"]))
        assert said == set(methods) | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())

    def demand_operation(self, response, operation):
        promised = operation["responses"].get(str(response.status_code))
        assert promised, f"{response.status_code} of {operation['operationId']} is not in the document\n{response.text[:500]}"
        assert response.status_code != 500, response.text
        promised = self.resolve(promised)
        if response.request.method == "HEAD":
            assert not response.content
        elif response.status_code >= 400:
            self.demand_problem(response, operation)
        else:
            self.demand_success(response, promised)

    def demand_success(self, response, promised):
        for name in ("ETag", "Location"):
            assert name not in promised.get("headers", {}) or name in response.headers, f"{name} is promised"
        if "Location" in response.headers:
            assert response.headers["Location"].startswith(BASE + "/")
        content = promised.get("content")
        if not content:
            assert not response.content
            return
        media = response.headers["Content-Type"]
        assert media in content, f"{media} is not one of {list(content)}"
        if media == "application/json":
            self.demand_schema(content[media].get("schema", {}), response.json())


def says(template, text):
    """Is the text the template with something in its {places}?"""
    return re.fullmatch(".+".join(map(re.escape, re.split(r"\{\w+\}", template))), text, re.S) is not None
