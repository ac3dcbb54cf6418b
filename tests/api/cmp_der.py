"""Just enough DER to look into a PKIMessage (RFC 9810 section 5.1): its shape, its parts, its PasswordBasedMac."""
import hashlib
import hmac

HASHES = {"2b0e03021a": "sha1", "608648016503040201": "sha256"}
MACS = {"2b06010505080102": "sha1", "2a864886f70d0209": "sha256"}


class Item:
    """One element: tag byte, content, children of a constructed one, and the bytes it stands in."""

    def __init__(self, data, at=0):
        self.start = at
        self.tag = data[at]
        length, at = data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at:at + count], "big"), at + count
        self.end = at + length
        assert self.end <= len(data)
        self.content = data[at:self.end]
        self.der = data[self.start:self.end]
        self.items = list(read_all(data, at, self.end)) if self.tag & 0x20 else []

    def skeleton(self):
        """Tags, lengths and every value that is no random or changing string of bytes."""
        if self.items:
            return (self.tag, [item.skeleton() for item in self.items])
        value = self.content if self.tag in (0x02, 0x06, 0x0C, 0x05) else None
        return (self.tag, len(self.content), value)


def read_all(data, at, end):
    while at < end:
        item = Item(data, at)
        yield item
        at = item.end


class Message:
    """A PKIMessage."""

    def __init__(self, der):
        self.root = Item(der)
        assert self.root.end == len(der)
        self.header, self.body = self.root.items[:2]
        self.protection = next((item.items[0].content[1:] for item in self.root.items[2:] if item.tag == 0xA0), None)

    def field(self, number):
        """What an explicitly tagged field of the header holds; version, sender and recipient stand before them."""
        return next((item.items[0] for item in self.header.items[3:] if item.tag == 0xA0 + number), None)

    @property
    def type(self):
        return self.body.tag & 0x1F

    @property
    def transaction(self):
        return self.field(4).content

    @property
    def nonce(self):
        return self.field(5).content

    @property
    def recipient_nonce(self):
        return self.field(6).content

    def is_made_with(self, secret):
        """Is PasswordBasedMac (RFC 4211 section 4.4) of the message right under this secret?"""
        algorithm, parameters = self.field(1).items
        assert algorithm.content.hex() == "2a864886f67d07420d"
        salt, owf, rounds, mac = parameters.items
        key = secret.encode() + salt.content
        for _ in range(int.from_bytes(rounds.content, "big")):
            key = hashlib.new(HASHES[owf.items[0].content.hex()], key).digest()
        part = self.header.der + self.body.der
        part = bytes([0x30]) + length_of(len(part)) + part
        return hmac.new(key, part, MACS[mac.items[0].content.hex()]).digest() == self.protection


def length_of(number):
    if number < 0x80:
        return bytes([number])
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(data)]) + data
