"""Outlook's mail: headers, text, attachments and mail within it, out of containers of our own."""

import struct

import pytest

from connectors.readers.mail import DEPTH_MAX
from connectors.readers.outlook_message import RTF_ONLY
from connectors.readers.parsing import parse
from tests.connectors.readers.ole_files import ole_file

MSG = "application/vnd.ms-outlook"
SENT = 133_696_224_000_000_000  # 2024-09-01 00:00:00 in tenths of microseconds since 1601


def properties(header, *numbers):
    return bytes(header) + b"".join(struct.pack("<IIQ", tag, 6, value) for tag, value in numbers)


def wide(**texts):
    return {f"__substg1.0_{name[1:]}001F": text.encode("utf-16-le") for name, text in texts.items()}


def a_mail(header=32, numbers=((0x00390040, SENT),), **streams):
    texts = wide(p0037="Pumps", p0C1A="Jürgen", p5D01="j@x.example", p0E04="Bo")
    return {"__properties_version1.0": properties(header, *numbers)} | texts | streams


def body(text):
    return wide(p1000=text)


def attachment(name, content):
    return {
        "__properties_version1.0": properties(8),
        **wide(p3707=name),
        "__substg1.0_37010102": content.ljust(4_096, b"\n"),
    }


def read(tree, notes=()):
    parsed = parse(MSG, ole_file(tree))
    assert (parsed.error, parsed.notes) == ("", notes)
    return [
        (f"h{one.level}" if one.kind == "heading" else one.kind, one.text) for one in parsed.blocks
    ]


def test_headers_stand_above_the_text():
    assert read(a_mail(**body("It pumps.\r\n\r\n> Does it?"))) == [
        ("h1", "Pumps"),
        ("table", "From: Jürgen <j@x.example>\nTo: Bo\nDate: 2024-09-01 00:00:00+00:00\nSubject: Pumps"),
        ("paragraph", "It pumps."),
        ("paragraph", "> Does it?"),
    ]  # fmt: skip


def test_html_is_read_where_there_is_no_plain_text():
    assert read(a_mail(**{"__substg1.0_10130102": b"<p>It <b>pumps</b>.".ljust(4_096)}))[-1] == (
        "paragraph",
        "It pumps.",
    )


def test_text_of_eight_bits_is_of_the_code_page_that_the_file_tells():
    tree = a_mail(
        numbers=[(0x3FFD0003, 1251)], **{"__substg1.0_1000001E": "Привет".encode("cp1251")}
    )
    assert read(tree)[-1] == ("paragraph", "Привет")


def test_a_body_of_rtf_alone_is_told():
    assert len(read(a_mail(**{"__substg1.0_10090102": b"rtf"}), (RTF_ONLY,))) == 2


def test_attachments_are_read_or_told():
    tree = a_mail(**body("See below."), **{
        "__attach_version1.0_#00000000": attachment("l.csv", b"Locker,Code\n103,4713\n"),
        "__attach_version1.0_#00000001": attachment("a.bin", b"\x01" * 4_096),
    })  # fmt: skip
    why = "its media type can't be read"
    blocks = read(tree, (f"an attachment could not be read: {why}",))
    assert blocks[1][1].endswith("Attachments: l.csv, a.bin")
    assert blocks[3:] == [
        ("h2", "Attachment: l.csv"),
        ("paragraph", "Locker; Code"),
        ("list", "Locker: 103; Code: 4713"),
        ("paragraph", f"Attachment a.bin could not be read: {why}."),
    ]


def nested(depth):
    tree = a_mail(header=24, **body("the end"))
    for number in range(depth):
        around = {"__properties_version1.0": properties(8), "__substg1.0_3701000D": tree}
        header = 32 if number == depth - 1 else 24
        tree = a_mail(header, **body("around"), **{"__attach_version1.0_#00000000": around})
    return tree


def test_mail_in_mail_in_mail_is_read_to_a_depth():
    assert read(nested(DEPTH_MAX))[-1] == ("paragraph", "the end")
    [note] = parse(MSG, ole_file(nested(DEPTH_MAX + 1))).notes
    assert "nests mail too deep" in note


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (ole_file({"WordDocument": b"x" * 600}), "this is no mail of Outlook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 2_000, "this mail is damaged"),
        (ole_file(a_mail())[:700], "submit"),
        (b"Subject: x\n\ntext", "this mail is damaged"),
        (b"", "submit"),
    ],
)
def test_what_is_no_such_file_is_told(content, says):
    assert says in parse(MSG, content).error


def test_a_chain_of_sectors_that_loops_ends():
    content = bytearray(ole_file(a_mail(**body("x" * 2_000))))
    fat = len(content) - 512
    for at in range(fat, len(content), 4):
        if content[at : at + 4] == b"\xfe\xff\xff\xff":
            content[at : at + 4] = b"\0\0\0\0"
    parse(MSG, bytes(content))
