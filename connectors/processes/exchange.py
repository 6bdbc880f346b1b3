"""What passes between who asks for work, the template, and the process that does it.

To and from a process, each message is a frame: four bytes of length, big-endian, then that many
bytes. The process says Ready once; or the template says NotLoaded in its place. Then each task, the
bytes of whose frame are the program's own, is answered by any number of AnswerPart, in order, and
one AnswerEnd, or by one Broken; these are MessagePack. An answer comes in parts so that who reads
it is never busy with it for long.

To and from the template, each message is a packet of MessagePack. It says Ready or NotLoaded once.
ForkWanted, which brings the socket of the process, is answered by ForkBegun or, at once, by
ForkEnded; every process by one ForkEnded. KillWanted is answered by that, too.
"""

from __future__ import annotations

import struct

import msgspec

LENGTH = struct.Struct(">I")
ANSWER_BYTES_MAX = 64 * 2**20
"""Of one frame of an answer: a part has 65,536 characters or so and a paragraph beyond them, which
may be all of a document of 16 MiB, and three times as long in UTF-8."""


class Ready(msgspec.Struct, tag="ready"):
    """The process has loaded what it works with."""


class NotLoaded(msgspec.Struct, tag="not loaded"):
    """Something that it works with is not installed here."""

    reason: str
    """What, and what to do."""


class AnswerPart(msgspec.Struct, tag="part"):
    """The next part of an answer."""

    body: bytes
    """As the program spells it."""


class AnswerEnd(msgspec.Struct, tag="end"):
    """An answer is complete."""

    grown: bool
    """Whether a large task left the process larger than a new one would be: another should take
    its place."""


class Broken(msgspec.Struct, tag="broken"):
    """A task could not be done, by no rule of the program; the process ends with it."""

    cause: str
    """memory, error, or what of the task is too much by the program's own count."""
    where: str = ""
    """Kind of the error and where it was raised; no message, since it may quote the task."""


class ForkWanted(msgspec.Struct, tag="fork"):
    """Have a process that does tasks, at the socket that comes with this."""

    number: int
    """Names the process from now on; no two have the same."""
    cpu_ms: int
    memory_bytes: int
    niceness: int


class KillWanted(msgspec.Struct, tag="kill"):
    """End a process now."""

    number: int


class ForkBegun(msgspec.Struct, tag="begun"):
    """A process is there."""

    number: int
    pid: int


class ForkEnded(msgspec.Struct, tag="ended"):
    """A process is there no more."""

    number: int
    status: int
    """Exit status, or the signal that ended it as a negative number."""


TemplateTask = ForkWanted | KillWanted
TemplateAnswer = Ready | NotLoaded | ForkBegun | ForkEnded
PACKET_BYTES_MAX = 65_536
ProcessAnswer = Ready | NotLoaded | AnswerPart | AnswerEnd | Broken
_TASKS = msgspec.msgpack.Decoder(TemplateTask)
_TEMPLATE_ANSWERS = msgspec.msgpack.Decoder(TemplateAnswer)
_ANSWERS = msgspec.msgpack.Decoder(ProcessAnswer)


def frame(body: bytes) -> bytes:
    """Put the length before a body."""
    return LENGTH.pack(len(body)) + body


def framed(answer: ProcessAnswer) -> bytes:
    """Spell an answer as a frame."""
    return frame(msgspec.msgpack.encode(answer))


def answer_of(body: bytes | bytearray) -> ProcessAnswer:
    """Read the body of a frame as what the process answers."""
    answer: ProcessAnswer = _ANSWERS.decode(body)
    return answer


def packet(message: TemplateTask | TemplateAnswer) -> bytes:
    """Spell what passes to or from the template."""
    return msgspec.msgpack.encode(message)


def template_task_of(body: bytes) -> TemplateTask:
    """Read what the template is to do."""
    task: TemplateTask = _TASKS.decode(body)
    return task


def template_answer_of(body: bytes) -> TemplateAnswer:
    """Read what the template says."""
    answer: TemplateAnswer = _TEMPLATE_ANSWERS.decode(body)
    return answer
