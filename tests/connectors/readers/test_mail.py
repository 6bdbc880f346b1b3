"""Mail: who wrote what to whom, with what was attached; what can't be read fails nothing else."""

from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers.mail import BOUNDARIES_MAX, DEPTH_MAX, PARTS_MAX
from connectors.readers.parsing import parse


def a_mail(text="It pumps.", **headers):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Jürgen <j@x.example>", "b@x.example", "Pumps"
    for name, value in headers.items():
        mail[name] = value
    mail.set_content(text)
    return mail


def read(mail, kind="message/rfc822", notes=()):
    content = mail if isinstance(mail, bytes) else mail.as_bytes()
    parsed = parse(kind, content)
    assert (parsed.error, parsed.notes) == ("", notes)
    return [
        (f"h{one.level}" if one.kind == "heading" else one.kind, one.text) for one in parsed.blocks
    ]


def test_headers_stand_above_the_text():
    mail = a_mail(Cc="c@x.example", Date="Mon, 2 Sep 2024 10:00:00 +0200")
    assert parse("message/rfc822", mail.as_bytes()).title == "Pumps"
    assert read(mail) == [
        ("h1", "Pumps"),
        (
            "table",
            (
                "From: Jürgen <j@x.example>\nTo: b@x.example\nCc: c@x.example\n"
                "Date: Mon, 02 Sep 2024 10:00:00 +0200\nSubject: Pumps"
            ),
        ),
        ("paragraph", "It pumps."),
    ]


@pytest.mark.parametrize(
    ("header", "read_as"),
    [
        (b"=?iso-8859-2?q?=A3=F3d=BC?=", "Łódź"),
        (b"=?utf-8?b?UMO8bXA=?= =?utf-8?q?_x?=", "Pümp x"),
        (b"=?nonsense?q?=A3?= a", "£ a"),
        (b"=?utf-8?b?%%%?=", "=?utf-8?b?%%%?="),
        ("Pümp".encode(), "Pümp"),
        (b"a\n b", "a b"),
    ],
)
def test_a_header_is_read_in_its_charset(header, read_as):
    assert read(b"Subject: " + header + b"\n\ntext")[0] == ("h1", read_as)


def test_of_two_forms_the_plain_one_is_read_unless_it_says_much_less():
    mail = a_mail("Hello Bo, the pump is here.")
    mail.add_alternative("<p>Hello Bo, the <b>pump</b> is here.</p>", subtype="html")
    assert read(mail)[-1] == ("paragraph", "Hello Bo, the pump is here.")
    mail = a_mail("See the HTML.")
    mail.add_alternative("<p>Hello Bo, the pump is here.<ul><li>hose</ul>", subtype="html")
    assert read(mail)[-2:] == [("paragraph", "Hello Bo, the pump is here."), ("list", "- hose")]


def test_what_is_attached_within_a_form_is_read_whichever_form_is():
    """As mail of Apple stands: the attachment is a part of the richer form."""
    said = "The codes that you asked for are attached to this mail. " * 9 + "Yours, Ann."
    rich = MIMEMultipart("mixed")
    rich.attach(MIMEText(f"<p>{said}</p>", "html"))
    codes = MIMEText("Locker,Code\n103,4711\n", "csv")
    codes.add_header("Content-Disposition", "attachment", filename="codes.csv")
    rich.attach(codes)
    rich.attach(MIMEMessage(a_mail("Inner words.")))
    mail = MIMEMultipart("alternative", _subparts=[MIMEText(said), rich])
    read_as = read(mail)
    assert [text for _, text in read_as].count(said) == 1
    assert ("list", "Locker: 103; Code: 4711") in read_as
    assert ("paragraph", "Inner words.") in read_as


@pytest.mark.parametrize("charset", ["idna", "undefined", "punycode", "unicode_escape", "hex"])
def test_a_charset_that_is_none_of_text_fails_no_mail(charset):
    mail = f"Content-Type: text/plain; charset={charset}\n\nIt pümps.".encode()
    assert parse("message/rfc822", mail).blocks[0].text == "It pümps."


def test_what_is_quoted_is_told_from_what_is_said():
    mail = a_mail("Yes.\n\n> Is it\n> > old?\n> It is red.\n\nRegards")
    assert [said for _, said in read(mail)[2:]] == [
        "Yes.",
        "> Is it\n> old?\nIt is red.",
        "Regards",
    ]


def test_lines_that_a_program_broke_are_joined():
    mail = b"Content-Type: text/plain; format=flowed\n\nThe pump is \nred.\nIt pumps.\n"
    assert read(mail) == [("paragraph", "The pump is red.\nIt pumps.")]


def test_attachments_are_read_by_their_readers():
    mail = a_mail()
    mail.add_attachment(b"Locker,Code\n103,4713\n", "application", "octet-stream", filename="l.csv")
    mail.add_attachment(b"# Pump\n\nIt *pumps*.", "text", "markdown", filename="ü.md")
    assert read(mail)[1][1].endswith("\nAttachments: l.csv, ü.md")
    assert read(mail)[3:] == [
        ("h2", "Attachment: l.csv"),
        ("paragraph", "Locker; Code"),
        ("list", "Locker: 103; Code: 4713"),
        ("h2", "Attachment: ü.md"),
        ("h3", "Pump"),
        ("paragraph", "It pumps."),
    ]


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"\x01\x02" * 50, "a.bin", "its media type can't be read"),
        (
            b"\x01\x02" * 50,
            "a.txt",
            "this is binary data, not text: extract its text and submit that",
        ),
        (b"<p> </p>", "a.html", "it holds no text"),
    ],
)
def test_an_attachment_that_cannot_be_read_is_told_and_the_mail_is_read(content, name, why):
    mail = a_mail()
    mail.add_attachment(content, "application", "octet-stream", filename=name)
    mail.add_attachment(b"After.", "text", "plain", filename="b.txt")
    blocks = read(mail, notes=(f"an attachment could not be read: {why}",))
    assert blocks[3] == ("paragraph", f"Attachment {name} could not be read: {why}.")
    assert blocks[-1] == ("paragraph", "After.")


def nested(depth, text="the end"):
    mail = MIMEText(text)
    mail["Subject"] = "0"
    for number in range(1, depth + 1):
        around = MIMEMultipart()
        around["Subject"] = str(number)
        around.attach(MIMEText(f"text {number}"))
        around.attach(MIMEMessage(mail))
        mail = around
    return mail


def test_mail_in_mail_in_mail_is_read_to_a_depth():
    texts = " ".join(said for _, said in read(nested(DEPTH_MAX)))
    assert texts.endswith("the end")
    [note] = parse("message/rfc822", nested(DEPTH_MAX + 1).as_bytes()).notes
    assert "nests mail too deep" in note
    texts = " ".join(said for _, said in read(nested(DEPTH_MAX + 1), notes=(note,)))
    assert "the end" not in texts
    assert "text 1" in texts
    assert "Attachment 0 could not be read" in texts


def test_mail_that_is_attached_as_a_file_counts_as_nested():
    mail = a_mail("the end")
    for _ in range(DEPTH_MAX + 1):
        around = a_mail("around")
        around.add_attachment(mail.as_bytes(), "application", "octet-stream", filename="m.eml")
        mail = around
    [note] = parse("message/rfc822", mail.as_bytes()).notes
    assert "nests mail too deep" in note


@pytest.mark.parametrize(
    ("mail", "says"),
    [
        (nested(BOUNDARIES_MAX + 1).as_bytes(), "nests mail too deep"),
        (b"Content-Type: a; b=" + b"x" * 5_000 + b"\n\ntext", "a header of the mail is too long"),
        (b'Content-Type: a; b="' + b";" * 41 + b"\n\ntext", "a header of the mail is too long"),
        (b"Content-Type: multipart/mixed; boundary=b\n" + b"\n--b\n\na" * (PARTS_MAX + 1), "parts"),
        (b"", "no text"),
    ],
)
def test_mail_beyond_reason_is_refused(mail, says):
    assert says in parse("message/rfc822", mail).error


def test_a_mailbox_is_its_mails():
    box = b"From a@b Mon Sep  2 10:00:00 2024\nSubject: One\n\nFrom here on\n\nFrom - Tue Sep  3 2024\nSubject: Two\n\ntwo\n"
    assert [said for kind, said in read(box, "application/mbox") if kind != "table"] == [
        "One",
        "From here on",
        "Two",
        "two",
    ]


@given(
    st.lists(
        st.sampled_from(["word", "> word", "-- ", "word word", "", "  word", ">>word"]), max_size=20
    )
)
def test_no_word_of_a_mail_is_lost(lines):
    text = "\n".join(lines)
    parsed = parse("message/rfc822", b"Subject: x\n\n" + text.encode())
    assert " ".join(one.text for one in parsed.blocks).count("word") == text.count("word")


def test_parts_without_a_boundary_are_text():
    assert read(b"Content-Type: multipart/mixed\n\nIt pumps.\n") == [("paragraph", "It pumps.")]


def test_a_line_of_a_mailbox_that_tells_no_time_begins_no_mail():
    box = b"From a@x Mon Jan  1 08:00:00 2024\nSubject: One\n\nSo.\n\nFrom here 2 pumps run.\n"
    assert read(box, "application/mbox")[-1] == ("paragraph", "From here 2 pumps run.")


def test_an_attached_mail_of_too_many_parts_hides_no_other_attachment():
    inner = MIMEMultipart(_subparts=[MIMEText("so") for _ in range(PARTS_MAX)])
    codes = MIMEText("Locker 103", "plain")
    codes.add_header("Content-Disposition", "attachment", filename="codes.txt")
    mail = MIMEMultipart(_subparts=[codes, MIMEMessage(inner)])
    head = parse("message/rfc822", mail.as_bytes()).blocks[0]
    assert head.text == "Attachments: codes.txt, mail"
