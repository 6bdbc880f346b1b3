"""Gathering cosignatures: what a witness signs is kept, what it does otherwise holds nothing up."""

import time
import zlib

import pytest

from replay.seal.note import BadNote, Signer
from replay.seal.sealer import seal
from replay.witnessing.cosignature import KINDS, Cosigner, cosignatures
from replay.witnessing.gathering import gather
from replay.witnessing.witness_messages import AddCheckpoint, monitored_path
from replay.witnessing.witness_policy import HttpWitness, given_witness, policy_of
from tests.replay.seal.sealed_log import PLACE, SIGNER, SealedLog
from tests.replay.witnessing.served import NOW_S, AnsweringServer, a_state, say, served_witness

LIAR = Cosigner.new("liar.test/w")
GARBAGE = b"\xff\x00<html>" * 9


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    with served_witness(tmp_path_factory.mktemp("witness")) as witness:
        yield witness


@pytest.fixture
def log(tmp_path):
    """A log with a name of its own, so that no witness has seen it."""
    return SealedLog(tmp_path / "seal").put(5)


def gathered(log, *witnesses, least=None, **how):
    how = {"now_s": lambda: NOW_S, "answer_s": 30, **how}
    return gather(log.folder, log.seal(), policy_of(witnesses, least), **how)


def kept_by(log, witness):
    """The sizes that a witness has cosigned, by what is kept."""
    return [
        int(note.split("\n")[1])
        for note in log.folder.tree(*PLACE).cosigned()
        if cosignatures(note, [witness.key])
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_that_grows_is_cosigned_at_each_seal_and_shown_so(tmp_path, log, kind):
    with served_witness(tmp_path / "w", Cosigner.new("witness.test/w", kind)) as witness:
        for size in (5, 8, 300):
            log.put(size - len(log.rows))
            [told] = gathered(log, witness).passes
            assert (told.cosigned, told.of, told.faults) == (1, 1, [])
            note = log.folder.tree(*PLACE).note
            assert cosignatures(note, [witness.key])[0].at_s == NOW_S
    assert kept_by(log, witness) == [5, 8, 300]
    assert log.notes()[-1] == note.removesuffix(cosignatures(note, [witness.key])[0].line)


def test_nothing_is_asked_twice(log):
    server = AnsweringServer(lambda handler, body: say(handler, 200, _line(body)))
    with server:
        witness = HttpWitness(LIAR.verifier, server.url)
        for _ in range(3):
            assert gathered(log, witness).passes[0].cosigned == 1
        assert len(server.asked) == 1
        log.put(1)
        gathered(log, witness)
    olds = [AddCheckpoint.read(body).old for _, body in server.asked]
    assert olds == [0, 5]  # it goes on from what is kept, and the witness need not tell
    assert kept_by(log, witness) == [5, 6]


def test_a_folder_that_lost_its_cosignatures_is_told_by_the_witness_where_to_begin(tmp_path, log):
    with served_witness(tmp_path / "w") as witness:
        gathered(log, witness)
        (log.folder.tree(*PLACE).folder / "cosigned").unlink()
        log.put(4)
        assert gathered(log, witness).passes[0].cosigned == 1
    assert kept_by(log, witness) == [9]


def _text(body):
    return AddCheckpoint.read(body).note.partition("\n\n")[0] + "\n"


def _line(body, cosigner=LIAR, at_s=NOW_S):
    return cosigner.line(_text(body), at_s).encode()


def _drip(handler, _body):
    handler.send_response(200)
    handler.end_headers()
    for _ in range(600):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)


def _drip_head(handler, _body):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(600):
        handler.wfile.write(f"X-{number}: x\r\n".encode())
        handler.wfile.flush()
        time.sleep(0.1)


def _bomb(handler, _body):
    say(handler, 200, zlib.compress(bytes(100_000_000)), Content_Encoding="deflate")


def _other_checkpoint(handler, body):
    say(handler, 200, LIAR.line(_text(body).replace("\n5\n", "\n6\n"), NOW_S).encode())


def _text_of_signatures(handler, body):
    """A line, and an empty one, so that the log's own signature would be part of the text."""
    text = AddCheckpoint.read(body).note
    say(handler, 200, b"\n" + LIAR.line(text, NOW_S).encode())


HOSTILE = {
    "wrong key": lambda h, b: say(h, 200, _line(b, Cosigner.new("liar.test/w"))),
    "another name": lambda h, b: say(h, 200, _line(b, Cosigner.new("other.test/w"))),
    "another checkpoint": _other_checkpoint,
    "a text of signatures": _text_of_signatures,
    "of the future": lambda h, b: say(h, 200, _line(b, at_s=NOW_S + 90_000)),
    "a signature by the log": lambda h, b: say(h, 200, SIGNER.line(_text(b)).encode()),
    "nothing": lambda h, b: say(h, 200),
    "garbage": lambda h, b: say(h, 200, GARBAGE),
    "10 MB": lambda h, b: say(h, 200, _line(b) * 50_000),
    "many lines": lambda h, b: say(h, 200, b"".join(_line(b, at_s=n) for n in range(1, 200))),
    "a bomb": _bomb,
    "409, garbage": lambda h, b: say(h, 409, GARBAGE),
    "409, huge": lambda h, b: say(h, 409, b"9" * 100_000),
    "409, negative": lambda h, b: say(h, 409, b"-1\n"),
    "409, ahead": lambda h, b: say(h, 409, b"6\n"),
    "409, for ever": lambda h, b: say(h, 409, b"3\n"),
    "409, of the same size": lambda h, b: say(h, 409, b"5\n"),
    "403": lambda h, b: say(h, 403, b"who are you?"),
    "404": lambda h, b: say(h, 404, GARBAGE),
    "422": lambda h, b: say(h, 422, b"\x1b[31mno"),
    "204": lambda h, b: say(h, 204),
    "500": lambda h, b: say(h, 500, GARBAGE),
    "503": lambda h, b: say(h, 503, _line(b)),
    "slow": _drip,
    "a slow head": _drip_head,
    "hanging": lambda h, b: time.sleep(60),
    "gone": lambda h, b: h.connection.close(),
    "no HTTP": lambda h, b: h.wfile.write(GARBAGE),
    "a head without end": lambda h, b: h.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10**6),
}
SAYS_OF_THE_LOG = {"409, ahead", "409, of the same size", "422"}
NEVER_ENDS = {"slow", "a slow head", "hanging"}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_witness_that_lies_is_told_and_nothing_else(honest, tmp_path, how):
    """Beside it an honest one cosigns, and nothing of the liar's is kept."""
    with AnsweringServer(HOSTILE[how]) as server:
        liar = HttpWitness(LIAR.verifier, server.url)
        own = SealedLog(tmp_path / "own").put(5)
        patience_s = 3 if how in NEVER_ENDS else 30
        [lied, told] = gathered(own, liar, honest, answer_s=patience_s).passes
        asked = len(server.asked)
    assert lied.cosigned == 0
    [fault] = lied.faults
    assert 10 < len(fault) < 700
    assert fault.isprintable()
    assert lied.contradicts == (how in SAYS_OF_THE_LOG)
    assert asked <= 2
    assert (told.cosigned, told.faults) == (1, [])
    assert kept_by(own, liar) == []
    tree = own.folder.tree(*PLACE)
    assert cosignatures(tree.note, [LIAR.verifier]) == []
    assert own.put(1).seal()[0].added == 1  # and the log is sealed as before


def test_a_redirect_is_followed_nowhere(log):
    with AnsweringServer(lambda h, b: say(h, 200, _line(b))) as elsewhere:
        for status in (301, 302, 303, 307, 308):

            def away(handler, _body, status=status):
                say(handler, status, Location=f"{elsewhere.url}/add-checkpoint")

            with AnsweringServer(away) as server:
                [told] = gathered(log, HttpWitness(LIAR.verifier, server.url)).passes
            assert (told.cosigned, "no redirect is followed" in told.faults[0]) == (0, True)
    assert elsewhere.asked == []


def test_a_witness_that_is_down_is_asked_again_at_the_next_seal_about_the_newest(tmp_path, log):
    cosigner = Cosigner.new("witness.test/w")
    down = HttpWitness(cosigner.verifier, "http://127.0.0.1:9")
    found = gathered(log, down, least=1)
    assert (found.passes[0].cosigned, found.short) == (0, [PLACE])
    log.put(2)
    gathered(log, down)
    with served_witness(tmp_path / "w", cosigner) as up:
        found = gathered(log, up, least=1)  # nothing new was sealed since
    assert (found.passes[0].cosigned, found.short) == (1, [])
    assert kept_by(log, up) == [7]


def test_one_that_does_not_answer_is_not_asked_for_each_partition(log):
    for partition in range(1, 9):
        log.log.put(PLACE[0], b"x", partition=partition)
    with AnsweringServer(lambda h, b: say(h, 503)) as server:
        [told] = gathered(log, HttpWitness(LIAR.verifier, server.url)).passes
    assert (len(server.asked), told.of, len(told.faults)) == (1, 9, 1)


def test_faults_are_told_a_few_of(log):
    for partition in range(1, 9):
        log.log.put(PLACE[0], b"x", partition=partition)
    with AnsweringServer(lambda h, b: say(h, 404)) as server:
        [told] = gathered(log, HttpWitness(LIAR.verifier, server.url)).passes
    assert (len(server.asked), told.cosigned, len(told.faults)) == (9, 0, 5)


@pytest.mark.parametrize(("least", "is_short"), [(0, False), (1, False), (2, True)])
def test_so_many_must_cosign(tmp_path, log, least, is_short):
    down = HttpWitness(LIAR.verifier, "http://127.0.0.1:9")
    with served_witness(tmp_path / "w") as up:
        assert gathered(log, down, up, least=least).short == ([PLACE] if is_short else [])


def test_an_older_log_in_the_place_of_a_newer_one_is_told_at_its_seal(tmp_path, log):
    with served_witness(tmp_path / "w") as witness:
        gathered(log.put(3), witness)
        older = SealedLog(tmp_path / "older").put(5)
        [told] = gathered(older, witness).passes
        assert told.contradicts
        assert "it has seen 8 records, and 5 are sealed here" in told.faults[0]
        other = SealedLog(tmp_path / "other")
        other.log.put(PLACE[0], b"another")
        [told] = gathered(other.put(9), witness).passes
    assert told.contradicts
    assert "the log was changed, or somebody else signs by its key" in told.faults[0]


def test_another_log_of_the_same_size_is_told(tmp_path, log):
    with served_witness(tmp_path / "w") as witness:
        gathered(log, witness)
        other = SealedLog(tmp_path / "other")
        other.log.put(PLACE[0], b"another")
        [told] = gathered(other.put(4), witness).passes
    assert (told.cosigned, told.contradicts) == (0, True)
    assert "it has seen another tree of 5 records than lies here" in told.faults[0]


def test_a_witness_that_has_forgotten_is_told(tmp_path, log):
    """It is asked to go on from what it says, and what it signs holds; it would sign any log."""
    cosigner = Cosigner.new("witness.test/w")
    with served_witness(tmp_path / "w", cosigner) as witness:
        [told] = gathered(log, witness).passes
        assert not told.forgot
        [told] = gathered(log.put(1), witness).passes
        assert not told.forgot
    with served_witness(tmp_path / "begun anew", cosigner) as witness:
        [told] = gathered(log.put(1), witness).passes
    assert (told.cosigned, told.forgot, told.contradicts) == (1, True, False)
    assert "it cosigned 6 records and says that it saw 0: it has lost" in told.faults[0]
    assert told.as_json()["forgot"] is True
    assert kept_by(log, witness) == [5, 6, 7]


def test_two_seals_at_once_drop_no_cosignature_of_each_other(tmp_path, log):
    done = log.seal()
    with served_witness(tmp_path / "w") as one:
        other = Cosigner.new("other.test/w")

        def meanwhile(handler, body):
            """Another seal asks the one while this one waits for the other."""
            gather(log.folder, done, policy_of([one]), now_s=lambda: NOW_S)
            say(handler, 200, _line(body, other))

        with AnsweringServer(meanwhile) as server:
            slow = HttpWitness(other.verifier, server.url)
            gathered_ = gather(log.folder, done, policy_of([slow]), now_s=lambda: NOW_S)
    assert gathered_.short == []
    note = log.folder.tree(*PLACE).note
    assert len(cosignatures(note, [one.key, other.verifier])) == 2


def test_a_seal_without_the_hashes_for_a_proof_says_so(tmp_path, log):
    with served_witness(tmp_path / "w") as witness:
        gathered(log.put(250), witness)
        log.put(10)
        done = log.seal()
        for path in log.folder.tree(*PLACE).folder.rglob("tile/0/*"):
            if path.is_file():
                path.unlink()
        [told] = gather(log.folder, done, policy_of([witness])).passes
    assert (told.cosigned, "can't prove a growth from 255" in told.faults[0]) == (0, True)


def test_a_witness_is_known_by_the_key_that_was_named(tmp_path, log):
    with served_witness(tmp_path / "w") as witness:
        spelt = f"{witness.url}/#{Cosigner.new('witness.test/w').verifier}"
        [told] = gathered(log, given_witness(spelt)).passes
        assert (told.cosigned, "not signed by the key" in told.faults[0]) == (0, True)
        spelt = f"{witness.url}/#{witness.key}"
        [told] = gathered(log, given_witness(spelt)).passes
        assert told.cosigned == 1


def test_a_cosignature_that_was_broken_here_is_asked_for_again(tmp_path, log):
    with served_witness(tmp_path / "w") as witness:
        gathered(log, witness)
        path = log.folder.tree(*PLACE).folder / "checkpoint"
        [found] = cosignatures(path.read_text(), [witness.key])
        other = "A" if found.line[-20] != "A" else "B"
        broken = f"{found.line[:-20]}{other}{found.line[-19:]}"
        path.write_text(path.read_text().replace(found.line, broken))
        with pytest.raises(BadNote):
            cosignatures(path.read_text(), [witness.key])
        [told] = gathered(log, witness).passes
    assert (told.cosigned, told.faults) == (1, [])
    assert cosignatures(path.read_text(), [witness.key])


def test_a_witness_that_was_not_told_of_the_log_is_told_as_such(tmp_path, log):
    strange = SealedLog(tmp_path / "strange").put(2)
    done = list(seal(strange.log.extents(), strange.records_of, strange.folder, Signer.new("x")))
    with served_witness(tmp_path / "w") as witness:
        [told] = gather(strange.folder, done, policy_of([witness])).passes
    assert "have its operator add the key" in told.faults[0]


def test_what_was_cosigned_is_on_the_witness_disk_before_it_is_here(tmp_path, log):
    cosigner = Cosigner.new("witness.test/w")
    with served_witness(tmp_path / "w", cosigner) as witness:
        gathered(log, witness)
        state = a_state(tmp_path / "w", cosigner)
        origin = log.notes()[0].partition("\n")[0]
        assert state.latest(monitored_path(origin)).body == log.folder.tree(*PLACE).note
        state.close()
