"""The statements of a review as MariaDB saw them, and where the values of their placeholders come from (for statements.c)."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness.process import Failed  # noqa: E402

NOT_OURS = r"^(SET SESSION|SHOW VARIABLES|SELECT .*(outbox_jobs|schema_migrations|mail_queue))"


def record(stack, act):
    """What act() makes the module send, in order. The children must be new: a statement is prepared once per connection.
    @return texts with question marks"""
    stack.database.client("SET GLOBAL log_output = 'TABLE'; TRUNCATE mysql.general_log; SET GLOBAL general_log = ON")
    try:
        act()
    finally:
        stack.database.client("SET GLOBAL general_log = OFF")
    rows = stack.database.client("SELECT command_type, argument FROM mysql.general_log"
                                 " WHERE command_type IN ('Prepare', 'Execute', 'Query') AND user_host LIKE 'ra[%'")
    pairs = [row.split("\t", 1) for row in rows.split("\n") if row]
    texts = [text for kind, text in pairs if kind != "Execute" and not re.match(NOT_OURS, text)]
    executed = [text for kind, text in pairs if kind != "Prepare" and not re.match(NOT_OURS, text)]
    if len(texts) != len(executed):
        listed = "\n".join(text[:120] for text in executed)
        raise Failed(f"a statement was prepared by an earlier request, or is executed twice:\n{listed}")
    return texts


def split_list(text):
    """The members of "a, f(b, c), d"."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def placeholders(sql):
    """The names of the columns that the placeholders are for; of a pattern "name LIKE"."""
    insert = re.match(r"INSERT INTO \w+ \((.*?)\) VALUES \((.*)\)$", sql)
    if insert:
        return [name for name, value in zip(split_list(insert[1]), split_list(insert[2])) if "?" in value]
    names = []
    for mark in re.finditer(r"\?", sql):
        name = re.search(r"(\w+) = (?:\w+\((?:\?, )?)?$", sql[:mark.start()]) or re.search(r"(\w+)(?: NOT)? LIKE $", sql[:mark.start()])
        if not name:
            raise Failed(f"nobody knows what the placeholder is for: {sql[:mark.end()]}")
        names.append(name[1] + " LIKE" * name[0].endswith("LIKE "))
    return names


def columns(sql):
    """The columns of a SELECT: by their alias, and by the column of table `a` where they are one with another alias."""
    items = [re.match(r"(.*?) AS (\S+)(?: FROM .*)?$", item) for item in split_list(sql.removeprefix("SELECT "))]
    found = {item[2].strip("`").split(":")[0]: index for index, item in enumerate(items) if item}
    for index, item in enumerate(items):
        if item and item[1].startswith("a."):
            found.setdefault(item[1][2:], index)
    return found


class Review:
    """Makes the file for statements.c."""

    def __init__(self, texts, reviewer):
        self.texts = texts
        self.reviewer = reviewer
        self.who = self._reading("credentials c ")
        self.row = self._reading("applications a ")
        self.reach = self._reading("subscribers ", "contact_sealed")

    def _reading(self, table, column=""):
        """Where a SELECT (of a column) stands, and its columns."""
        for index, text in enumerate(self.texts):
            if text.startswith("SELECT") and f" FROM {table}" in text and column in text:
                return index, columns(text)
        raise Failed(f"a review does not read {table}")

    def _cell(self, reading, name, form="cell"):
        statement, names = reading
        if name not in names:
            raise Failed(f"statement {statement} of a review does not read {name}")
        return f"{form}={statement}.{names[name]}"

    def _steps(self):
        record = ('"review":{"decision":"approve","snapshot_sha256":"%s","by":{"id":"%s","name":"张审核"},'
                  '"at":"2026-01-01T00:00:00.000000Z"}' % ("0" * 64, "0" * 36))
        return f"{self._cell(self.row, 'steps', 'more')} {record}"

    def _known(self):
        """What is not in the application's row under the same name: by table and column."""
        now = self._cell(self.row, "now")
        who, name = self._cell(self.who, "id"), self._cell(self.who, "name")
        return {
            "credentials": {"sha256": [f"hex={self.reviewer}"]},
            "applications": {
                "id": ["id"], "state": ["text=awaiting_production", self._cell(self.row, "state")], "reviewed_by": [who],
                "steps": [self._steps()], "snapshot_sha256": [self._cell(self.row, "snapshot_sha256", "cell-hex")],
                "updated_at": [now], "closed_at": ["text=0", now]},
            "subscribers": {
                "name": [self._cell(self.row, "subject_name")], "name_key": [self._cell(self.row, "subject_key")],
                "organisation_code": ["text=91140100MA0000000X"], "region LIKE": ["text=%"], "id": [self._cell(self.row, "subscriber_id")],
                # What is sealed is written back as it is: the next review opens it.
                **{name: [self._cell(self.reach, name)] for name in ("contact_name", "contact_sealed", "tier", "project")}},
            "application_history": {
                "application_id": ["id"], "seq": [self._cell(self.row, "version", "next")], "at": [now], "step": ["text=review"],
                "outcome": ["text=done"], "state_before": [self._cell(self.row, "state")], "state_after": ["text=awaiting_production"],
                "actor_id": [who], "actor_name": [name], "actor_kind": ["text=person"], "reason": ["null"], "guidance": ["null"],
                "changes": ["null"]},
            "audit_events": {
                "id": ["new-id"], "event": ["text=reviewApplication"], "outcome": ["text=done"], "problem": ["null"],
                "actor_kind": ["text=person"], "actor_id": [who], "actor_name": [name], "credential_sha256": [f"hex={self.reviewer}"],
                "host": ["text=staff"], "client_ip": ["text=127.0.0.1"], "object_type": ["text=application"], "object_id": ["id"],
                "detail": ["null"], "trace_id": [f"text={'0' * 32}"]},
        }

    def _sources(self, sql, known):
        """For each placeholder of a statement."""
        table = next((name for name in known if re.search(rf"^(UPDATE|INSERT INTO) {name} | FROM {name} ", sql)), None)
        rules = {name: list(values) for name, values in known.get(table, {}).items()}
        if sql.startswith("SELECT") and "state" in rules:
            rules.pop("state")
        for name in placeholders(sql):
            if name in rules:
                values = rules[name]
                yield values.pop(0) if len(values) > 1 else values[0]
            elif name == "application_id":
                yield "id"
            else:
                yield self._cell(self.row, name)

    def lines(self):
        known = self._known()
        for sql in self.texts:
            yield "\t".join([sql, *(self._sources(sql, known) if "?" in sql else ())])
