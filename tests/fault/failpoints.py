"""The table of failpoints and planted bugs of a test build (mod_ra/base/failpoint.h), armed and read from outside of all processes."""
import mmap
import struct

ROW = struct.Struct("32sIIiII12x")
KILL, KILL_PARENT, ERROR, STALL, LOSE_ANSWER = 1, 2, 3, 4, 5
ERRORS = (1205, 1213, 1020, 1047, 2006, 2013)
PLANTS = ("lease_off", "send_before_commit", "code_reusable", "second_transaction", "audit_row_missing", "approval_kept", "history_jumps",
          "key_ignored", "confirmed_unstored", "revocation_undone", "bulk_cut_short", "crl_unheeded")


class Failpoints:
    def __init__(self, path):
        self.file = open(path, "r+b")
        self.memory = mmap.mmap(self.file.fileno(), 0)
        self.rows = {self._read(place)[0]: place for place in range(0, len(self.memory), ROW.size)}

    def _read(self, place):
        name, *numbers = ROW.unpack_from(self.memory, place)
        return name.rstrip(b"\0").decode(), *numbers

    @property
    def names(self):
        """Failpoints, without the planted bugs."""
        return [name for name in self.rows if name not in PLANTS]

    def arm(self, name, action, argument=0, after=1):
        """It acts at its `after`-th hit from now on, once."""
        place = self.rows[name]
        struct.pack_into("i", self.memory, place + 40, 0)
        struct.pack_into("II", self.memory, place + 32, action, argument)
        struct.pack_into("i", self.memory, place + 40, after)

    def disarm(self, name):
        struct.pack_into("i", self.memory, self.rows[name] + 40, 0)

    def plant(self, name, there=True):
        struct.pack_into("I", self.memory, self.rows[name] + 32, int(there))

    def hits(self, name):
        return self._read(self.rows[name])[4]

    def fired(self, name):
        return self._read(self.rows[name])[5]

    def close(self):
        self.memory.close()
        self.file.close()
