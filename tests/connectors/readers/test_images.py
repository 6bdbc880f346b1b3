"""Pictures: Tesseract reads them where it is installed; else it is said what to install."""

import io
import stat

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader

from connectors.processes.program import TooMuch
from connectors.readers import recognition
from connectors.readers.document_task import document_task, load
from connectors.readers.images import PIXELS_MAX
from connectors.readers.parsing import FORMATS, parse
from connectors.readers.recognition import Recognition
from tests.connectors.readers.written import PDF, drawn_pdf, png_of

PNG = "image/png"
FAKE_TESSERACT = """#!/bin/sh
# a fake: it "recognises" the size of what it is given
case "$1" in
  --version) echo "tesseract 9.9.9"; echo " leptonica-1" ;;
  --list-langs) echo "List of available languages (3):"; echo deu; echo eng; echo osd ;;
  *) echo "Recognised $(head -c 2)"; cat >/dev/null; echo "with $*" ;;
esac
"""


def installed(folder, monkeypatch, script: str = FAKE_TESSERACT):
    program = folder / "tesseract"
    program.write_text(script)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.fixture
def fake_tesseract(tmp_path, monkeypatch):
    installed(tmp_path, monkeypatch)


@pytest.fixture
def no_tesseract(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")


@pytest.mark.usefixtures("no_tesseract")
def test_without_tesseract_it_is_said_what_to_install():
    parsed = parse(PNG, png_of(20, 20))
    assert "install Tesseract where the workers run" in parsed.error
    assert parsed.parser_version.endswith(", without tesseract")


@pytest.mark.usefixtures("fake_tesseract")
def test_a_picture_is_recognised_and_told_by_what():
    parsed = parse(PNG, png_of(20, 20))
    assert parsed.blocks[0].text.endswith("with - - -l eng+deu")
    assert list(parsed.notes) == [
        "the text was recognised by tesseract 9.9.9 (eng+deu), which may err"
    ]
    assert parsed.parser_version.endswith(", tesseract 9.9.9 (eng+deu)")


@pytest.mark.usefixtures("fake_tesseract")
def test_pages_without_text_are_drawn_and_recognised():
    def scanned(canvas):
        canvas.drawImage(ImageReader(io.BytesIO(png_of(100, 100))), 72, 72, 400, 600)

    def said(canvas):
        canvas.drawString(72, 700, "A page with text.")

    parsed = parse(PDF, drawn_pdf(said, scanned))
    assert [one.text[:13] for one in parsed.blocks] == ["A page with t", "Recognised P5"]
    assert list(parsed.notes) == [
        "pages 2 of 2 were recognised by tesseract 9.9.9 (eng+deu), which may err"
    ]


@pytest.mark.usefixtures("fake_tesseract")
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked():
    bomb = png_of(20_000, 20_000)
    assert len(bomb) < 200_000
    error = parse(PNG, bomb).error
    assert f"20000 by 20000 pixels, more than {PIXELS_MAX}" in error


@pytest.mark.parametrize("content", [b"", b"text", png_of(5, 5)[:30], b"GIF89a"])
def test_what_is_no_picture_says_so(content):
    assert "this picture is damaged, or is none" in parse(PNG, content).error


def test_a_program_that_can_not_read_a_picture_is_an_answer(tmp_path, monkeypatch):
    failing = FAKE_TESSERACT.replace('echo "with $*"', "exit 1")
    installed(tmp_path, monkeypatch, failing)
    assert "can't read a picture" in parse(PNG, png_of(9, 9)).error


def test_what_the_program_takes_is_work_on_the_document(tmp_path, monkeypatch):
    installed(tmp_path, monkeypatch)
    monkeypatch.setattr(recognition, "_work_s", lambda: 5.0)
    monkeypatch.setattr(recognition.resource, "getrlimit", lambda _: (4, 4))
    with pytest.raises(TooMuch, match="CPU time"):
        Recognition().read(b"P5")


def test_what_programs_took_for_other_documents_is_no_work_on_this_one(tmp_path, monkeypatch):
    """One process reads many documents, and the system adds up what its programs took."""
    installed(tmp_path, monkeypatch)
    took_s = 100.0
    monkeypatch.setattr(recognition, "_programs_s", lambda: took_s)
    begin = recognition.time.process_time()
    monkeypatch.setattr(recognition.resource, "getrlimit", lambda _: (begin + 60, begin + 60))
    recognition.begin_document()
    assert "Recognised" in Recognition().read(b"P5")
    took_s = 170.0
    with pytest.raises(TooMuch, match="CPU time"):
        Recognition().read(b"P5")
    list(load()(document_task(PNG, png_of(20, 20), FORMATS)))  # begins with the next document


def test_a_program_without_languages_is_not_installed(tmp_path, monkeypatch):
    installed(
        tmp_path, monkeypatch, FAKE_TESSERACT.replace("echo deu; echo eng; echo osd", "echo osd")
    )
    assert not Recognition().is_installed


@pytest.mark.skipif(not Recognition().is_installed, reason="Tesseract is not installed")
def test_the_real_program_reads_a_picture(tmp_path):
    image = Image.new("L", (900, 200), 255)
    ImageDraw.Draw(image).text(
        (30, 60), "The pump is blue", font=ImageFont.load_default(64), fill=0
    )
    image.save(tmp_path / "a.png")
    before = set(tmp_path.iterdir())
    text = " ".join(one.text for one in parse(PNG, (tmp_path / "a.png").read_bytes()).blocks)
    assert "pump is blue" in text
    assert set(tmp_path.iterdir()) == before
