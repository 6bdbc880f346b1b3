"""The gateway, and the inbox beside it, on the real components."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from connectors.bucket_objects import objects_at
from connectors.keyring import Keyring
from connectors.text_vectors import LateEmbedder
from edge.callers.api_keys import ApiKeys, keys_path
from edge.erasing.erasure_desk import ErasureDesk
from edge.gateway.gateway import Gateway
from edge.gateway.idempotency import Idempotency
from edge.gateway.log_evidence import LogEvidence
from edge.listening.log_index import LogIndex
from edge.listening.log_reader import LogReader
from edge.requests.inbox import Inbox
from edge.requests.publishing import RequestPublisher
from edge.reviewing.review_reader import ReviewReader
from streams.log.chosen_model import in_force
from streams.log.codec import open_codec
from streams.log.configuration_log import ConfigurationLog
from streams.log.configuration_watch import (
    ConfigurationsFollowed,
    ConfigurationsInForce,
    ConfigurationWatch,
)
from streams.operations.erasures.erasure_reader import told_of_erasures
from streams.operations.lag import LagReader
from streams.running.producer_proof import ProducerProof
from streams.settings import Settings

if TYPE_CHECKING:
    from edge.callers.people import People


def on_components(settings: Settings, evidence: LogEvidence | None = None) -> tuple[Gateway, Inbox]:
    """Put the gateway and the inbox on Kafka, the registry and the key store; neither has begun.

    `evidence` proves answers and recalls their prompts.

    Raises BadSetting where tools, a chat model or issuers are named that can't be used.
    """
    codec = open_codec(settings)
    keyring = Keyring(settings)
    configurations = ConfigurationsInForce(in_force(settings))
    watch = ConfigurationWatch(partial(ConfigurationLog, settings, codec), configurations)
    followed = ConfigurationsFollowed(watch)
    proof = ProducerProof(configurations, lambda: followed.ready)
    publisher = RequestPublisher(settings, codec, client="gateway", must_sign=proof.asked)
    index = LogIndex(settings.run)
    gateway = Gateway(
        settings=settings,
        keyring=keyring,
        keys=ApiKeys(keys_path(settings)),
        idempotency=Idempotency(settings.run / "idempotency.sqlite"),
        publisher=publisher,
        log=LogReader(settings, codec, index=index, proof=proof),
        offsets=lambda: LagReader(settings),
        reviews=ReviewReader(settings, codec, holds=proof.holds),
        configurations=configurations,
        followed_log=followed,
        index=index,
        receipts=evidence.receipts if evidence else None,
        prompts=evidence.prompts if evidence else None,
        embedder=LateEmbedder(settings),
        upload_objects=objects_at(settings, settings.uploads_place),
        people=_people(settings),
        erasures=ErasureDesk(
            keyring,
            publisher,
            partial(told_of_erasures, settings, codec, holds=proof.holds),
            settings.partitions,
            edge="gateway",
        ),
    )
    inbox = Inbox(
        settings, codec, keyring, publisher.send, configured=gateway.configured, proof=proof
    )
    return gateway, inbox


def _people(settings: Settings) -> People | None:
    """Read the issuers; None where none is set. Raises BadSetting."""
    if not settings.oidc:
        return None
    # here, since what checks tokens is 5 MB, and where no issuer is set there is none to check
    from edge.callers.people import People

    return People.of(settings)
