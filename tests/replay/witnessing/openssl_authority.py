"""A time stamp authority by another hand: `openssl ts -reply` behind a small server."""

import subprocess
from datetime import UTC, datetime, timedelta
from shutil import which

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

OPENSSL = which("openssl")
needs_openssl = pytest.mark.skipif(
    OPENSSL is None, reason="openssl is not on this machine: apt-get install openssl"
)
CONFIGURATION = """
[authority]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
ess_cert_id_alg = sha256
"""
DAY = timedelta(days=1)


class OpensslAuthority:
    """An authority with its files; `expired` gives it a certificate of last month."""

    def __init__(self, folder, name="authority.test", *, expired=False):
        folder.mkdir(parents=True)
        self.folder = folder
        now = datetime.now(UTC)
        root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = _certificate(f"root of {name}", root_key, None, now + DAY)
        until = now - 20 * DAY if expired else now + DAY
        signer = _certificate(name, key, (self.root, root_key), until)
        self.roots = folder / "roots.pem"
        self.roots.write_bytes(_pem(self.root))
        (folder / "signer.pem").write_bytes(_pem(signer))
        (folder / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (folder / "openssl.cnf").write_text(CONFIGURATION.format(folder=folder))

    def reply(self, query):
        """Answer a request, as RFC 3161 has it over HTTP."""
        (self.folder / "query").write_bytes(query)
        command = (
            *(OPENSSL, "ts", "-reply", "-config", self.folder / "openssl.cnf"),
            *("-section", "authority", "-queryfile", self.folder / "query"),
            *("-signer", self.folder / "signer.pem", "-inkey", self.folder / "key.pem"),
        )
        return subprocess.run(command, check=True, capture_output=True).stdout

    def query(self, digest, *words):
        """Make a request of openssl's own."""
        command = (OPENSSL, "ts", "-query", "-digest", digest, "-sha256", "-cert", *words)
        return subprocess.run(command, check=True, capture_output=True).stdout

    def verifies(self, response, content):
        """Tell whether openssl believes a response over a file."""
        command = (
            *(OPENSSL, "ts", "-verify", "-in", response, "-data", content),
            *("-CAfile", self.roots),
        )
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def _certificate(name, key, issuer, until):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - 40 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        made = made.add_extension(usage, critical=True)
    return made.sign(issuer[1] if issuer else key, hashes.SHA256())
