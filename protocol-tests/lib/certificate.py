"""Makes a certificate for 127.0.0.1, its key, and who vouches for it: files in the folder given."""

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

folder = pathlib.Path(sys.argv[1])
now = datetime.datetime.now(datetime.timezone.utc)


def certificate(subject, key, issuer, issuer_key, is_authority):
    """A certificate before it is signed by its issuer."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


authority, authority_key = named("foghorn test authority"), ec.generate_private_key(ec.SECP256R1())
leaf, key = named("foghorn test"), ec.generate_private_key(ec.SECP256R1())
addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]

root = certificate(authority, authority_key, authority, authority_key, True)
# An authority's own certificate is not taken for that of a server by all clients.
server = certificate(leaf, key, authority, authority_key, False).add_extension(
    x509.SubjectAlternativeName(addresses), critical=False
)
for name, builder in [("ca.pem", root), ("cert.pem", server)]:
    signed = builder.sign(authority_key, hashes.SHA256())
    (folder / name).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
private = key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
(folder / "key.pem").write_bytes(private)
