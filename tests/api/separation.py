"""Reads separation.expect: what a call of an operation by a caller in a state of a business must come to."""
import pathlib
import re

FILE = pathlib.Path(__file__).with_name("separation.expect")
EVERY_STATE = "*"
# Readings of a case: the same in every state.
READINGS = {"getApplication": "", "listApplicationHistory": "/history", "getApplicationForm": "/form", "getCompletionRecord": "/completion-record"}


def words(text):
    return tuple(word.strip() for word in text.split(",") if word.strip())


def lines():
    """(section, cells) of each line that says something."""
    section = None
    for line in FILE.read_text("utf-8").splitlines():
        text = line.split("#")[0].strip()
        if text.startswith("["):
            section = text.strip("[]")
        elif text:
            yield section, [cell.strip() for cell in text.split("|")]


class Expectation:
    """`ALLOWED`, or the status and code of the refusal."""
    ALLOWED = (200, None)
    STATUS = {"own-submission": 403, "same-person-required": 403, "separation-of-duty": 403}

    def __init__(self):
        self.callers = {}  # operation → words
        self.rows = {}     # business → [(operations, states, callers, code)]
        self.hands = {}    # business → [(earlier step, later step)]
        self.apart = {}    # operation → steps whose hands must not be the caller
        for section, cells in lines():
            if section == "operations":
                self.callers.update(dict.fromkeys(words(cells[0]), words(cells[1])))
            elif section == "apart":
                self.apart[cells[0]] = words(cells[1])
            elif section.startswith("hands "):
                for business in words(section[6:]):
                    self.hands.setdefault(business, []).append(tuple(cells))
            else:
                self._add(words(section), *cells)

    def _add(self, businesses, operations, states, callers):
        callers, _, code = callers.partition("->")
        for business in businesses:
            self.rows.setdefault(business, []).append((words(operations), words(states), words(callers), code.strip() or None))

    def may_call(self, operation, caller, host):
        """At all, before anybody looks at a case."""
        named = self.callers[operation]
        kind = {"staff": "staff", "api": "systems"}.get(host)
        return "everybody" in named or caller.split("@")[0] in named or (caller != "nobody" and kind in named)

    def is_offered(self, operation, host):
        """Roles act on the staff host, scopes on the api host; elsewhere an operation is not there."""
        named = self.callers[operation]
        if "everybody" in named:
            return True
        return {"staff": any("." not in one and one != "systems" for one in named),
                "api": any("." in one or one == "systems" for one in named)}.get(host, False)

    def outside(self, operation, caller, host):
        """The refusal that needs no case; None when the caller may call it."""
        if not self.is_offered(operation, host):
            return 404, "not-found"
        if self.may_call(operation, caller, host):
            return None
        return (403, "certificate-required") if caller == "nobody" else (403, "access-denied")

    def __call__(self, business, operation, state, caller, host):
        refusal = self.outside(operation, caller, host)
        if refusal:
            return refusal
        if caller.endswith("@elsewhere"):
            return 404, "not-found"
        return self.ALLOWED if operation in READINGS else self._of_rows(business, operation, state, caller)

    def _of_rows(self, business, operation, state, caller):
        rows = [row for row in self.rows[business] if operation in row[0]]
        for name in (caller, caller.split("@")[0]):  # who is named with an @ is meant before the role in general
            for _, states, callers, code in rows:
                if name in callers and (state in states or EVERY_STATE in states):
                    return (self.STATUS[code], code) if code else self.ALLOWED
        acts = not rows or any(name in row[2] for row in rows for name in (caller, caller.split("@")[0]))
        return (409, "state-conflict") if acts else (403, "access-denied")

    def states(self, business):
        return {state for row in self.rows[business] for state in row[1] if state != EVERY_STATE}

    def allowed(self, business, state, operations):
        """(operation, caller) that must succeed in the state."""
        return [(operation, caller) for named, states, callers, code in self.rows[business] for operation in named for caller in callers
                if operation in operations and state in states and code is None]


def rejected_step(state):
    """"rejected:review" → "review"; None for a state that is none."""
    match = re.fullmatch(r"rejected:(\w+)", state)
    return match and match.group(1)


EXPECTED = Expectation()
