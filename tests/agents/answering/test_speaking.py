"""Speaking: what a model said is shown sentence by sentence, as far as it stands."""

from types import SimpleNamespace

from agents.answering.checking import SentenceFinding
from agents.answering.speaking import JsonSpeech, ModelReply, Prose
from schemas import Generated, GeneratedToken, Usage

POLICY = SimpleNamespace(share_min=0.8, near_min=0.5)


class ListedCheck:
    """Lets sentences stand that say where: "on 3"."""

    def __init__(self):
        self.asked = []

    def __call__(self, sentence, share_min, near_min):
        self.asked.append((sentence, share_min, near_min))
        word = sentence.rstrip(".").split()[-1]
        return SentenceFinding(int(word)) if word.isdigit() else SentenceFinding(-1, ("words",))


def prose(whole=False):
    return Prose(ListedCheck(), POLICY, whole=whole)


def test_a_sentence_is_written_when_another_one_begins():
    speech = prose()
    assert speech.due("It rests on 3.") == ""
    assert speech.due("It rests on 3. So") == "It rests on 3."
    assert speech.shown
    assert speech.due("It rests on 3. So does this on 3. No") == " So does this on 3."
    assert speech.closing("It rests on 3. So does this on 3. Not this.", cut=False) == ""
    assert speech.said == "It rests on 3. So does this on 3."
    assert (speech.rests_on, speech.stands) == ([3], True)


def test_only_the_first_sentence_has_to_be_near_to_the_question():
    speech = prose()
    speech.closing("Not this. This on 1. And on 2.", cut=False)
    assert [near for _, _, near in speech._check.asked] == [0.5, 0.5, 0.0]
    assert speech.rests_on == [1, 2]


def test_of_a_model_that_is_trusted_less_nothing_is_shown_before_all_stands():
    speech = prose(whole=True)
    assert speech.due("It rests on 3. So") == ""
    assert not speech.shown
    assert speech.closing("It rests on 3. So on 4.", cut=False) == "It rests on 3. So on 4."
    assert speech.stands
    dropped = prose(whole=True)
    dropped.closing("It rests on 3. Not this.", cut=False)
    assert (dropped.said, dropped.stands) == ("It rests on 3.", False)


def test_what_was_cut_off_within_a_sentence_is_dropped():
    speech = prose()
    assert speech.closing("It rests on 3. So on 4", cut=True) == "It rests on 3."
    assert prose().closing("It rests on 3", cut=False) == "It rests on 3"
    assert prose().closing("It rests on 3.", cut=True) == "It rests on 3."


def test_blanks_within_a_sentence_are_one():
    assert prose().closing("It  rests on  3.", cut=False) == "It rests on 3."


def test_json_is_shown_when_it_is_whole():
    speech = JsonSpeech()
    assert speech.due('{"a":') == ""
    assert speech.closing('{"a": 1}\n', cut=False) == speech.said == '{"a": 1}'


def test_a_reply_counts_its_tokens_and_leaves_out_blanks_before_it():
    reply = ModelReply(100)
    reply.hear(Generated(tokens=(GeneratedToken(text="  ", at_us=1),), model="m"))
    reply.hear(Generated(tokens=(GeneratedToken(text=" a ", at_us=2),), model="m"))
    assert (reply.text, reply.usage, reply.over) == ("a ", Usage(completion_tokens=2), False)
    assert reply.taken_times() == (101, 102)
    assert reply.taken_times() == ()
    used = Usage(prompt_tokens=5, completion_tokens=7)
    end = Generated(tokens=(), last=True, finish_reason="length", usage=used, model="m")
    reply.hear(end)
    assert (reply.usage, reply.over, reply.finish_reason) == (used, True, "length")
    assert ModelReply(0, late=True).over
