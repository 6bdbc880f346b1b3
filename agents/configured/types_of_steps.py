"""The fields of each step's configuration, with their types and bounds.

A field without a default must be there; one with a default may be left out, and then the step does
as it did when the field did not exist. What a step makes of a value stands where it is read.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from agents.configured.value_bounds import (
    Amount,
    AmountOrNone,
    ByLanguage,
    Coefficient,
    DigestPrefix,
    FieldName,
    Fraction,
    KeyName,
    LanguageTag,
    Limit,
    ListedText,
    Offset,
    PatternText,
    PublicKey,
    ReaderText,
    Size,
    TermName,
    Weight,
    WithinMs,
)

Action = Literal["refuse", "log", "off"]


class Configured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Values of one object of a configuration; another name in it is an error."""


class ClassifierSettings(Configured, frozen=True, kw_only=True):
    """What moderation's model is asked: see `agents.classifier`."""

    action: Action
    tenants: dict[str, Action] = {}
    heads: dict[TermName, Fraction]
    quoted: dict[TermName, Fraction] = {}
    policy: str = ""
    patience_ms: WithinMs
    urgent_ms: WithinMs


class DocumentKinds(Configured, frozen=True, kw_only=True):
    """See `agents.chunk_policies.policy_for`."""

    media_types: list[str] = []
    shares: dict[TermName, Fraction] = {}


class ChunkSizes(Configured, frozen=True, kw_only=True):
    """See `agents.chunk_policies.ChunkPolicy`."""

    tokens_min: AmountOrNone
    tokens_target: Amount
    tokens_max: Amount
    overlap_tokens: AmountOrNone
    header_tokens: AmountOrNone = 0
    questions: bool = False
    turns: bool = False
    default_for: DocumentKinds = DocumentKinds()


class IngestConfiguration(Configured, frozen=True, kw_only=True):
    """See `agents.ingest`."""

    bytes_max: Size
    chunks_max: Amount
    batch_chunks_max: Amount
    batch_bytes_max: Size
    default_policy: str = ""
    policies: dict[TermName, ChunkSizes]


class ListedTerms(Configured, frozen=True, kw_only=True):
    """See `agents.personal.term_lists`."""

    texts: list[ListedText] = []
    patterns: list[PatternText] = []
    digests: list[DigestPrefix] = []


class LanguageRule(Configured, frozen=True, kw_only=True):
    """See `agents.personal.foreign_texts`."""

    supported: list[LanguageTag]
    otherwise: Literal["accept", "mask_more", "refuse"] = "accept"


class PersonalPolicy(Configured, frozen=True, kw_only=True):
    """What all tenants or one of them want: see `agents.personal.tenant_policy`."""

    allow: ListedTerms | None = None
    deny: dict[str, ListedTerms] = {}
    fields: dict[FieldName, str] = {}
    consistent: Literal["document", "tenant"] = "document"
    known_values: Literal["off", "questions", "everywhere"] = "off"
    languages: LanguageRule | None = None


class TenantRedaction(PersonalPolicy, frozen=True, kw_only=True):
    """What one tenant wants; null takes away a kind that all have."""

    kinds: dict[str, Fraction | None] = {}


class RedactConfiguration(PersonalPolicy, frozen=True, kw_only=True):
    """See `agents.redact` and `agents.refusal`."""

    kinds: dict[str, Fraction]
    tenants: dict[str, TenantRedaction] = {}
    repeated_kinds: list[str]
    ambiguous_words: list[str]
    ordinary_words: list[str]
    remembered_max: Amount
    question_characters_max: Amount
    refused_patterns: list[PatternText]
    instructions: bool = False
    refusals: dict[Literal["injection", "harm", "language"], ByLanguage] = {}
    classifier: ClassifierSettings | None = None


class EmbedConfiguration(Configured, frozen=True, kw_only=True):
    """See `agents.embed`."""

    texts_max: Amount


class IndexConfiguration(Configured, frozen=True, kw_only=True):
    """Nothing is configured."""


class RewriteConfiguration(Configured, frozen=True, kw_only=True):
    """See `agents.rewrite` and `agents.conversation`."""

    turns: AmountOrNone
    reserve_ms: WithinMs
    short_words: AmountOrNone
    decay: Fraction
    opening: Weight
    name: Weight
    topics: Amount
    topic_characters_max: Amount
    answer: Weight = 1.6
    subject: Weight = 1.3
    answer_names: Weight = 0.3
    unrelated: Weight = 1.0
    established: AmountOrNone = 2
    definite_words: AmountOrNone = 3
    carried: Weight = 0.5
    arms: list[dict[str, Any]] = []
    experiment: str = ""


class TwoWeights(Configured, frozen=True, kw_only=True):
    """Of words and of vectors."""

    lexical: Weight
    dense: Weight


class ThreeWeights(TwoWeights, frozen=True, kw_only=True):
    """And of late interaction."""

    late: Weight


class RelevanceCurve(Configured, frozen=True, kw_only=True):
    """See `agents.relevance.relevance`."""

    held: Weight
    middle: Coefficient
    slope: Weight


class RelevanceSettings(Configured, frozen=True, kw_only=True):
    """Curves by what relevance is read from, and the relevance from which passages are shown."""

    late: RelevanceCurve
    dense: RelevanceCurve
    words: RelevanceCurve
    threshold: Fraction


class Diversity(Configured, frozen=True, kw_only=True):
    """See `agents.candidates.chosen`."""

    weight: Fraction
    copy: Weight


class WindowSettings(Configured, frozen=True, kw_only=True):
    """See `agents.retrieve`."""

    tokens: Amount
    passages: Amount


SynonymName = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
SynonymGroup = Annotated[list[SynonymName], msgspec.Meta(min_length=2, max_length=32)]
"""See `agents.dictionaries`."""


class IndexChoice(Configured, frozen=True, kw_only=True):
    """A generation of the index and the embedder, as Triton calls it, of its vectors."""

    generation: Amount
    embedder: str = ""


class RetrieveConfiguration(Configured, frozen=True, kw_only=True):
    """See `agents.retrieve`."""

    candidates: Amount
    first: TwoWeights
    reranked: Amount
    final: ThreeWeights
    reserve_ms: WithinMs
    patience_ms: WithinMs = 0
    urgent_ms: WithinMs = 0
    relevance: RelevanceSettings
    gap: Weight
    diversity: Diversity
    budget_tokens: Amount
    window: WindowSettings | None = None
    asked_max: dict[str, Size] = {}
    dictionary: dict[str, Annotated[list[SynonymGroup], msgspec.Meta(max_length=5_000)]] = {}
    """Everybody's ("*"), and by tenant."""
    index: IndexChoice | None = None
    arms: list[dict[str, Any]] = []
    experiment: str = ""


class ModerationRule(Configured, frozen=True, kw_only=True):
    """See `agents.patterns.Rule`."""

    category: TermName
    pattern: PatternText
    action: Literal["mask", "block", "note", "keep"]
    replacement: str = ""
    check: Literal["", "card", "canary"] = ""


class ModerationTerm(Configured, frozen=True, kw_only=True):
    """See `agents.moderate.scores`."""

    category: TermName
    pattern: PatternText
    weight: Fraction


class ReviewSettings(Configured, frozen=True, kw_only=True):
    """See `streams.operations.reviews.review_sample`."""

    share: Fraction
    tenants: dict[str, Fraction] = {}


class PolicyConfiguration(Configured, frozen=True, kw_only=True):
    """See `agents.policies`; `cedar` holds its rules."""

    cedar: str = ""


class ProducerKey(Configured, frozen=True, kw_only=True):
    """A key that signs for a tenant, `*` for every one."""

    tenant: FieldName
    public_key: PublicKey
    until_us: int | None = None
    """When it ends, in µs since the Unix epoch; None for never."""
    revoked_from: dict[str, list[Offset]] = {}
    """Topic -> the offset of each lane from which on it is taken no more."""


class ProducersConfiguration(Configured, frozen=True, kw_only=True):
    """See `streams.running.producer_gate`."""

    required_from: dict[str, list[Offset]] = {}
    """Topic -> the offset of each lane from which on records must be signed."""
    keys: dict[KeyName, ProducerKey] = {}


class LimitSettings(Configured, frozen=True, kw_only=True):
    """What a tenant or a key may do; 0 for no limit, and left out for what is said of all."""

    questions_per_minute: Limit | None = None
    """Questions and searches."""
    tokens_per_minute: Limit | None = None
    """Of prompts and answers, as answers on the log tell them."""
    questions_at_once: Limit | None = None
    """Questions and searches that have no answer yet, streamed or not."""
    documents_per_minute: Limit | None = None
    """Versions handed in."""
    documents: Limit | None = None
    """Stored, each by its newest version."""
    document_bytes: Limit | None = None
    """Of all that are stored, as they were handed in."""


class LimitsConfiguration(Configured, frozen=True, kw_only=True):
    """See `edge.load.limits_in_force`; `*` is said of every tenant, or every key."""

    tenants: dict[FieldName, LimitSettings] = {}
    keys: dict[FieldName, LimitSettings] = {}


class ModerateConfiguration(Configured, frozen=True, kw_only=True):
    """See `agents.moderate`."""

    policy: TermName
    retracted: ReaderText | ByLanguage
    rules: list[ModerationRule]
    terms: list[ModerationTerm]
    score_max: Fraction
    quoted_score_max: Fraction = 1.0
    classifier: ClassifierSettings | None = None
    review: ReviewSettings | None = None
