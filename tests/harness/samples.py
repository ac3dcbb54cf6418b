"""Data that is valid by the rules of domain.md §2: codes with their check characters, certificate requests."""
import random
import secrets

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from . import sm2

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z
ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def organisation_code(body=None):
    """组织机构代码 (GB 11714): eight characters and a check character."""
    body = body or "".join(secrets.choice(ORGANISATION_ALPHABET) for _ in range(8))
    total = sum(ORGANISATION_ALPHABET.index(one) * weight for one, weight in zip(body, (3, 7, 9, 10, 5, 8, 4, 2)))
    return body + "0123456789X"[(11 - total % 11) % 11]


def uscc(region="140100", body=None):
    """统一社会信用代码 (GB 32100): 17 characters and a check character."""
    while not body:
        candidate = organisation_code("".join(secrets.choice("0123456789ABCDEFGHJKLMNPQRTUWXY") for _ in range(8)))
        if candidate[-1] in USCC_ALPHABET:
            body = "91" + region + candidate
    total = sum(USCC_ALPHABET.index(one) * pow(3, place, 31) for place, one in enumerate(body))
    return body + USCC_ALPHABET[(31 - total % 31) % 31]


def resident_id(region="140105", birthday="19880317", order=None):
    """居民身份证 (GB 11643): 17 digits and a check character."""
    body = region + birthday + f"{random.randrange(1, 1000) if order is None else order:03d}"
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def social_security_no():
    return f"14{secrets.randbelow(10 ** 10):010d}"


def organisation_name():
    """A name nobody has yet, as a company's: the public query asks for exactly this."""
    words = "晋阳汾河太行云冈恒山五台晋祠平遥雁门介休榆次阳泉"
    return "山西" + "".join(secrets.choice(words) for _ in range(4)) + f"信息技术有限公司{secrets.randbelow(10 ** 6):06d}"


def application(agency_id, **changes):
    """The body of POST /applications: an organisation's first signing certificate."""
    name = changes.pop("name", None) or organisation_name()
    body = {
        "business": "issue", "kind": "organisation", "usage": "signing", "subject_name": name, "validity_years": 1,
        "subscriber": {
            "kind": "organisation", "name": name, "social_security_no": social_security_no(),
            "organisation_code": {"type": "uscc", "value": uscc()},
            "contact": {"name": "王小明", "phone": "13835100000", "email": "wang@example.cn"},
            "region": "140100", "agency_id": agency_id, "tier": "city",
        },
    }
    body.update(changes)
    return body


def key(kind="ec_p256"):
    if kind == "sm2":
        return sm2.Key()
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec_p256" else rsa.generate_private_key(65537, 2048)


def csr(common_name, private_key=None):
    """A certificate request in PEM. @return (text, private key)"""
    private_key = private_key or key()
    if isinstance(private_key, sm2.Key):
        return private_key.csr(common_name), private_key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(private_key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode("ascii"), private_key
