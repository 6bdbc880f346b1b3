"""The sample tenants: what the demo asks stands in their pages, and what is personal there is invented and known."""

import re

import pytest

from infra.demo.samples import HARBOUR, OBSERVATORY, PAGES, TENANTS, documents
from streams.log.configuration import load

ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+\w")
RESERVED = (".example", "example.org", "example.com", "example.net")  # for examples, by RFC 2606


def words(text):
    return " ".join(text.split())


def text_of(tenant):
    return words(" ".join(sample.text for sample in documents(tenant)))


def ids(value):
    return getattr(value, "name", None) or getattr(value, "text", None)


QUESTIONS = [(tenant, question) for tenant in TENANTS for question in tenant.questions]


def test_each_folder_of_pages_is_a_tenants():
    assert {path.name for path in PAGES.iterdir() if path.is_dir()} == {
        tenant.name for tenant in TENANTS
    }


@pytest.mark.parametrize("tenant", TENANTS, ids=ids)
def test_documents_come_by_name_and_whole(tenant):
    uris = [sample.uri for sample in documents(tenant)]
    assert uris == sorted(uris)
    assert len(set(uris)) == len(uris) > 1
    for sample in documents(tenant):
        page = PAGES / tenant.name / sample.uri.removeprefix("handbook/")
        assert sample.text == page.read_text(encoding="utf-8")
        assert sample.text.startswith("# ")


@pytest.mark.parametrize("tenant", TENANTS, ids=ids)
def test_they_are_cut_by_policies_that_there_are(tenant):
    configured = load()["ingest"].values["policies"]
    for sample in documents(tenant):
        assert sample.policy in configured
        assert (sample.policy == "faq") == sample.uri.endswith("/faq.md")


@pytest.mark.parametrize(("tenant", "question"), QUESTIONS, ids=ids)
def test_what_an_answer_must_say_stands_in_the_tenants_pages(tenant, question):
    assert bool(question.says) != bool(question.absent), "it is answered, or it is not"
    assert question.says in text_of(tenant)
    if question.says:
        assert question.says not in question.text, "to repeat the question is no answer"


@pytest.mark.parametrize("tenant", TENANTS, ids=ids)
def test_no_answer_stands_in_the_pages_of_another_tenant(tenant):
    """So an answer shows that the tenants are kept apart."""
    for other in TENANTS:
        for question in other.questions if other is not tenant else ():
            assert not question.says or question.says not in text_of(tenant)


def test_what_one_tenant_does_not_know_the_other_does():
    [question] = [question for question in OBSERVATORY.questions if question.absent]
    assert "berth" in question.text
    assert "berth" in text_of(HARBOUR)
    assert "berth" not in text_of(OBSERVATORY)


@pytest.mark.parametrize("tenant", TENANTS, ids=ids)
def test_only_a_question_that_follows_another_leans_on_it(tenant):
    assert not tenant.questions[0].needs_rewrite
    for question in tenant.questions:
        assert not (question.fresh and question.needs_rewrite)


@pytest.mark.parametrize("tenant", TENANTS, ids=ids)
def test_what_is_personal_in_the_pages_is_there_and_every_address_is_among_it(tenant):
    text = text_of(tenant)
    for value in tenant.personal:
        assert value in text
    assert set(ADDRESS.findall(text)) <= set(tenant.personal)


@pytest.mark.parametrize(("tenant", "question"), QUESTIONS, ids=ids)
def test_what_is_personal_in_a_question_is_there_and_in_no_page(tenant, question):
    assert set(ADDRESS.findall(question.text)) <= set(question.personal)
    for value in question.personal:
        assert value in question.text
        assert value not in text_of(tenant)


def test_nobody_is_behind_an_address():
    for tenant in TENANTS:
        for text in (text_of(tenant), *(question.text for question in tenant.questions)):
            for address in ADDRESS.findall(text):
                assert address.endswith(RESERVED), address
