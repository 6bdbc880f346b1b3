"""A real broker that takes nobody in without TLS and a name, and lets each do what its ACLs say."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism
from confluent_kafka.admin import UserScramCredentialUpsertion as Upsertion
from confluent_kafka.cimpl import NewTopic

from infra.local import java, ports
from infra.local.parts import all_parts
from streams.settings import Settings
from tests.certificates import Authority, CertificateFiles

ANSWER_S = 60.0
ADMIN = "admin"
PROPERTIES = """
process.roles=broker,controller
node.id=1
listeners=SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{mutual},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{mutual}
listener.security.protocol.map=SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=SSL
controller.quorum.voters=1@127.0.0.1:{controller}
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=broker-store.pem
ssl.truststore.type=PEM
ssl.truststore.location=trusted.pem
listener.name.ssl.ssl.client.auth=required
listener.name.controller.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:CN=broker
allow.everyone.if.no.acl.found=false
log.dirs=data
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
offsets.retention.minutes=5256000
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
"""


@dataclass
class SecuredBroker:
    """Where it listens, and who signs certificates for it."""

    folder: Path
    authority: Authority
    sasl: str
    mutual: str
    passwords: dict[str, str] = field(default_factory=dict)

    def settings(self, user: str = ADMIN, **more: Any) -> Settings:
        """Return what a client of a user is set to; makes the user where there is none."""
        if user not in self.passwords:
            self.new_users([user])
        given = {
            "kafka": self.sasl,
            "kafka_security": "sasl_ssl",
            "kafka_ca": str(self.authority.file),
            "kafka_user": user,
            "kafka_password_file": str(self.password_file(user)),
            "partitions": 2,
            **more,
        }
        return Settings.load({}, run=self.folder / "run", **given)

    def password_file(self, user: str) -> Path:
        """Return the file of a user's password."""
        return self.folder / f"{user}.password"

    def new_users(self, users: Sequence[str]) -> None:
        """Have the broker know users."""
        passwords = {user: uuid.uuid4().hex for user in users}
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        made = [Upsertion(user, how, word.encode()) for user, word in passwords.items()]
        admin = self.admin()  # it must live until it has its answer
        for future in admin.alter_user_scram_credentials(made).values():
            future.result(ANSWER_S)
        for user, password in passwords.items():
            self.password_file(user).write_text(f"{password}\n")
        self.passwords |= passwords

    def new_topic(self, name: str | None = None) -> str:
        """Make a topic of one partition; returns its name."""
        name = name or f"test.{uuid.uuid4().hex}"
        admin = self.admin()
        admin.create_topics([NewTopic(name, 1, 1)])[name].result(ANSWER_S)
        return name

    def admin(self) -> AdminClient:
        """Return a client that may do everything."""
        from streams.log.broker_access import client_settings

        return AdminClient({**client_settings(self.settings()), "log_level": 0})


@contextmanager
def a_secured_broker(folder: Path) -> Iterator[SecuredBroker]:
    """Start a broker on free ports with certificates of its own."""
    authority = Authority(folder / "certificates")
    parts = {name: part.place for name, part in all_parts().items() if name in {"java", "kafka"}}
    chosen = ports.free_block()
    home = folder / "kafka"
    java.lay_out(home, parts["kafka"])
    (home / java.LOGGING).write_bytes((java.KAFKA_FOLDER / java.LOGGING).read_bytes())
    _lay_certificates(home, authority, authority.issue("broker"))
    filled = PROPERTIES.format(
        sasl=chosen["kafka"], mutual=chosen["registry"], controller=chosen["kafka_controller"]
    )
    (home / java.PROPERTIES).write_text(filled)
    password = uuid.uuid4().hex
    environment = {**os.environ, **java.ENVIRONMENT}
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    first = f"SCRAM-SHA-512=[name={ADMIN},password={password}]"
    words = [*java.kafka_format(parts["java"], cluster), "--add-scram", first]
    subprocess.run(words, cwd=home, env=environment, check=True, capture_output=True)
    broker = SecuredBroker(
        folder,
        authority,
        f"127.0.0.1:{chosen['kafka']}",
        f"127.0.0.1:{chosen['registry']}",
        {ADMIN: password},
    )
    broker.password_file(ADMIN).write_text(password)
    with (home / "out").open("wb") as out:
        process = subprocess.Popen(
            java.kafka(parts["java"]), cwd=home, env=environment, stdout=out, stderr=out
        )
        try:
            _await(broker, process)
            yield broker
        finally:
            process.terminate()
            process.wait(ANSWER_S)
    shutil.rmtree(folder, ignore_errors=True)


def _lay_certificates(home: Path, authority: Authority, own: CertificateFiles) -> None:
    store = own.private_key.read_text() + own.certificate.read_text() + authority.file.read_text()
    (home / "broker-store.pem").write_text(store)
    (home / "trusted.pem").write_text(authority.file.read_text())


def _await(broker: SecuredBroker, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + ANSWER_S
    while True:
        try:
            broker.admin().list_topics(timeout=2)
        except KafkaException:
            assert process.poll() is None, (broker.folder / "kafka" / "out").read_text()
            assert time.monotonic() < deadline
        else:
            return
