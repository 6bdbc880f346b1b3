"""Who is to be erased: from what an asker calls somebody to the digests that the log knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.without_values import visible
from edge.requests.limits import ID_MAX
from edge.requests.personal_values import spellings
from edge.requests.validity import Refused, check_tenant, check_user
from streams.operations.erasures.holdings import ErasedPerson
from streams.operations.erasures.named_subjects import (
    KnowsSubjects,
    subjects_named,
    subjects_of_user,
)

VALUES_MAX = 200
VALUE_MAX = 512  # characters
DOCUMENTS_MAX = 1_000


@dataclass(frozen=True)
class NamedPerson:
    """A person, as the log knows them."""

    tenant: str
    subjects: tuple[str, ...]
    """Keyed digests that they went under, the present one last."""
    values: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()

    @property
    def subject(self) -> str:
        """The present digest."""
        return self.subjects[-1]

    @property
    def person(self) -> ErasedPerson:
        """Who a request names."""
        return ErasedPerson(self.tenant, self.subject, self.values, self.documents)


def named_person(
    keyring: KnowsSubjects,
    tenant: str,
    name: str,
    values: Iterable[str] = (),
    documents: Iterable[str] = (),
    *,
    by_name: bool = False,
) -> NamedPerson:
    """Find out who is meant. Raises Refused.

    A name is what API keys call the user, or the keyed digest that records hold; `by_name`, it is
    the former alone: a user may call themselves by somebody else's digest. An e-mail address
    is a value of its user, too: nobody else is called so. Any other name is not, since many may be.
    """
    check_tenant(tenant)
    check_user(name)
    values, documents = [*values, *([name] if "@" in name else [])], frozenset(documents)
    _check(values, documents)
    return NamedPerson(
        tenant,
        (subjects_of_user if by_name else subjects_named)(keyring, tenant, name),
        frozenset(
            keyring.digest(tenant, form.encode("utf-8", "replace"))
            for value in values
            for form in spellings(visible(value).strip())
        ),
        documents,
    )


def _check(values: Sequence[str], documents: Iterable[str]) -> None:
    if len(values) > VALUES_MAX:
        raise Refused(f"{len(values)} values were named: name at most {VALUES_MAX} at once")
    for value in values:
        if not visible(value).strip() or len(value) > VALUE_MAX:
            raise Refused(
                f"a value is empty or longer than {VALUE_MAX} characters: name it shorter"
            )
    names = list(documents)
    if len(names) > DOCUMENTS_MAX or any(not one or len(one) > ID_MAX for one in names):
        raise Refused(
            f"name at most {DOCUMENTS_MAX} documents, each by its id as `GET /v1/documents` tells"
        )
