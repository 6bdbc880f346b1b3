"""An answered question with all that a reviewer sees of it, on a log in memory."""

from schemas import (
    ChunksRetrieved,
    DocumentSubmitted,
    Effect,
    Passage,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    Sealed,
    Turn,
    Turns,
)
from tests.edge.fake_log import Answers, a_citation, an_entry
from tests.fakes import a_codec, a_meta


def a_reviewed_answer(gateway, turns=(), citations=None, question="Does <PERSON_1> owe VAT?"):
    """Return what steps write over a question: two stretches, one citation, one person's name."""

    def answer(event):
        if not isinstance(event, QuestionAsked):
            return ()
        answers, tenant = Answers(event), event.meta.tenant
        entry = an_entry(gateway.keyring, tenant, "<PERSON_1>", "PERSON", "Jane Roe")
        cited = (a_citation(),) if citations is None else citations
        common = {"subject": event.subject, "ask": event.ask, "entries": (entry,)}
        return [
            QuestionRedacted(
                meta=answers.meta("redact", 0), outcome="redacted", text=question, **common
            ),
            QueryRewritten(
                meta=with_turns(answers.meta("rewrite", 0), turns),
                outcome="rewritten",
                question=question,
                query="Does <PERSON_1> owe VAT on books?",
                turns=len(turns),
                **common,
            ),
            ChunksRetrieved(
                meta=answers.meta("retrieve", 0),
                outcome="retrieved",
                question=question,
                query="q",
                passages=tuple(a_passage(one) for one in cited),
                relevance=0.9,
                **common,
            ),
            *answers.whole("Yes, <PERSON_1>: ", "VAT is due.", citations=cited, entries=(entry,)),
        ]

    return answer


def with_turns(meta, turns):
    read = a_codec().encode(Turns(turns=tuple(turns)))
    effect = Effect(number=1, kind="ReadTurns", request=b"", response=read, started=0, took_us=0)
    return a_meta(
        **{name: getattr(meta, name) for name in meta.__struct_fields__} | {"effects": (effect,)}
    )


def a_passage(cited):
    return Passage(
        chunk=cited.chunk,
        document=cited.document,
        version=1,
        number=0,
        title=cited.title,
        uri=cited.uri,
        text=f"Before it. {cited.quote} And after.",
        tokens=9,
    )


def a_turn(question="Is there VAT?", answer="There is."):
    return Turn(request="r-0", question=question, answer=answer)


def know(log, document="d-1", tenant="acme", groups=()):
    """Have a document handed in."""
    sealed = Sealed(key="document/x", event="e", field="content", ciphertext=b"x")
    meta = a_meta(tenant=tenant, session=document, request=f"handed-in-{document}")
    log.append(
        DocumentSubmitted(
            meta=meta,
            document=document,
            uri="file:vat",
            media_type="text/plain",
            content=sealed,
            groups=tuple(groups),
            chunk_policy="procedural",
        )
    )
