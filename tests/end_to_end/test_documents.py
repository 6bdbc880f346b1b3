import uuid

import pytest

pytestmark = pytest.mark.stack


def page(*facts):
    return "# Notes\n\n" + "\n\n".join(f"## Fact {n}\n\n{fact}" for n, fact in enumerate(facts))


def uris(passages):
    return {passage["uri"] for passage in passages}


def test_the_same_bytes_again_are_a_no_op(running):
    uri = f"notes/{uuid.uuid4()}"
    first = running.submit("notes", page("The kiln reaches 1240 degrees."), uri=uri)
    again = running.submit("notes", page("The kiln reaches 1240 degrees."), uri=uri)
    assert first["status"] == again["status"] == "indexed"
    assert first["version"] == again["version"] == 1


def test_a_changed_document_retires_the_old_version(running):
    uri = f"notes/{uuid.uuid4()}"
    running.submit("notes", page("The ferry leaves from pier nine."), uri=uri)
    state = running.submit("notes", page("The ferry leaves from pier eleven."), uri=uri)
    assert state["version"] == 2
    texts = " ".join(
        p["text"] for p in running.search("notes", "Which pier does the ferry leave from?")
    )
    assert "eleven" in texts
    assert "pier nine" not in texts


def test_a_withdrawn_document_is_found_no_longer(running):
    uri = f"notes/{uuid.uuid4()}"
    state = running.submit("notes", page("The lighthouse keeper has a grey parrot."), uri=uri)
    assert uri in uris(running.search("notes", "lighthouse keeper grey parrot"))
    with running.client("notes") as client:
        gone = client.delete(f"/v1/documents/{state['document_id']}")
    assert gone.status_code in {202, 204}
    assert running.await_document("notes", state["document_id"])["status"] == "deleted"
    assert uri not in uris(running.search("notes", "lighthouse keeper grey parrot"))


def test_a_document_of_another_group_stays_out(running):
    uri = f"notes/{uuid.uuid4()}"
    text = page("The vault combination is changed on the first Monday.")
    running.submit("notes", text, uri=uri, metadata={"shelf": "a"})
    assert uri in uris(running.search("notes", "vault combination", filters={"shelf": "a"}))
    assert uri not in uris(running.search("notes", "vault combination", filters={"shelf": "b"}))


@pytest.mark.parametrize("media_type", ["text/plain", "text/markdown", "text/html"])
def test_every_text_format_is_read(running, media_type):
    fact = f"The {media_type.replace('/', ' ')} ledger is bound in red leather."
    text = (
        f"<html><body><h1>Ledger</h1><p>{fact}</p></body></html>" if "html" in media_type else fact
    )
    uri = f"notes/{uuid.uuid4()}"
    state = running.submit("notes", text, uri=uri, media_type=media_type)
    assert state["status"] == "indexed", state
    assert uri in uris(running.search("notes", f"{fact}"))
