from schemas import Ask, QuestionAsked, Sealed
from tests.fakes import a_codec, a_meta


def test_an_event_survives_the_wire():
    sealed = Sealed(key="user/u", event="e", field="text", ciphertext=b"\x00\xff")
    asked = QuestionAsked(
        meta=a_meta(), subject="u", text=sealed, ask=Ask(groups=("a",), filters={"k": "v"})
    )
    codec = a_codec()
    assert codec.decode(codec.encode(asked), QuestionAsked) == asked
