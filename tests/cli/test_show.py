"""`gradientd show` by the real console script: local pictures without any server, stored results from a real one."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from gradientd.model import Extra
from tests.cli.test_page import Outline
from tests.real.conftest import Bench, bench
from tests.real.console import SCRIPT, Console, run_on_terminal
from tests.real.pictures import jpeg

__all__ = ["bench"]  # the fixture

KEY = "lakes/como.jpg"
SIX = ["palette", "primary", "secondary", "foreground", "css", "blurDataUrl"]
TRUE_COLOUR = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
STORED = (
    '{"status":"completed","gradient":{"palette":["#1B2A41","#D98E56"],"primary":"#1B2A41","secondary":"#D98E56",'
    '"foreground":"#FFFFFF","css":"linear-gradient(135deg, #1B2A41 0%, #D98E56 100%)","blurDataUrl":"data:,"},'
    '"attempts": 1, "createdAt":5,"updatedAt":6,"of a peer":true}'
)


def run(*arguments: str, **env: str) -> tuple[int, str, str]:
    with Console("show", *arguments, env=env) as console:
        return console.wait(), console.stdout, console.stderr


def on_terminal(*arguments: str, **env: str) -> str:
    """What a terminal gets; whoever shows a gradient there exits 0."""
    code, told = run_on_terminal("show", *arguments, env=env)
    assert code == 0
    return told.replace("\r\n", "\n")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "como.jpg"
    path.write_bytes(jpeg())
    return path


def test_file_needs_neither_redis_nor_a_bucket(picture: Path) -> None:
    before_ms = time.time() * 1000
    code, out, err = run(str(picture), "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert list(result) == ["status", "gradient", "attempts", "createdAt", "updatedAt"]
    assert list(result["gradient"]) == SIX
    assert before_ms - 1 <= result["createdAt"] <= result["updatedAt"]
    assert out == json.dumps(result, separators=(",", ":"), ensure_ascii=False) + "\n"


def test_file_gets_the_extra_fields_and_the_limits_that_a_worker_would_use(picture: Path) -> None:
    _, out, _ = run(str(picture), "--json", GRADIENT_EXTRAS=",".join(Extra))
    assert list(json.loads(out)["gradient"]) == [*SIX, *Extra]
    code, out, err = run(str(picture), GRADIENT_MAX_IMAGE_PIXELS="10")
    assert (code, out) == (1, "")
    assert err.startswith(f"gradientd: {picture}: The picture is ")
    assert "over the limit of 10." in err
    assert run(str(picture), GRADIENT_MAX_IMAGE_BYTES="10")[0] == 1
    assert run(str(picture), GRADIENT_EXTRAS="size")[0] == 78


def test_pipe_gets_plain_text(picture: Path) -> None:
    code, out, _ = run(str(picture), **TRUE_COLOUR, GRADIENT_EXTRAS="shares,oklch")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("como.jpg · ")
    assert [line.split()[0] for line in lines[1:8]] == [*SIX, "shares"]
    assert "\x1b" not in out


def test_terminal_gets_as_many_colours_as_it_has(picture: Path) -> None:
    true = on_terminal(str(picture), **TRUE_COLOUR)
    assert true.count("\x1b[48;2;") > 36 * 9
    assert "▀" in true
    few = on_terminal(str(picture), TERM="xterm-256color")
    assert "\x1b[48;5;" in few
    assert "[48;2;" not in few
    none = on_terminal(str(picture), **TRUE_COLOUR, NO_COLOR="1")
    assert "\x1b" not in none
    assert "linear-gradient(135deg, #" in none


def test_page_holds_all_it_shows(picture: Path) -> None:
    code, out, err = run(str(picture), "--html")
    assert (code, err) == (0, "")
    outline = Outline(out)
    assert not outline.open
    assert [tag for tag, _ in outline.tags].count("article") == 1
    sources = [attributes["src"] for tag, attributes in outline.tags if tag == "img"]
    assert len(sources) == 3  # the picture, its placeholder, and that enlarged
    assert all(source.startswith("data:image/") for source in sources)
    assert "://" not in out
    assert "Valkey" not in out


def test_file_that_is_no_picture_is_told_in_one_sentence(tmp_path: Path) -> None:
    for name, content in (("notes.txt", b"hello"), ("em\x1bpty.jpg", b"")):
        path = tmp_path / name
        path.write_bytes(content)
        code, out, err = run(str(path))
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith("gradientd: ")
        assert name.removesuffix("pty.jpg")[:2] in err
        assert "\x1b" not in err


def test_what_is_neither_a_file_nor_to_be_looked_up_says_both() -> None:
    code, out, err = run("no-such.jpg")
    assert (code, out) == (78, "")
    assert "there is no file no-such.jpg, so a stored result is looked for" in err
    assert "REDIS_URL is not set" in err


def test_reader_who_has_left_is_no_error_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "lake.jpg"
    path.write_bytes(jpeg())
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([SCRIPT, "show", str(path)], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (130, "")


def test_who_asks_for_what_is_stored_hears_nothing_of_files(tmp_path: Path) -> None:
    path = tmp_path / "there.jpg"
    path.write_bytes(b"")
    code, out, err = run("--stored", str(path))
    assert (code, out) == (78, "")
    assert "there is no file" not in err


def test_stored_result_is_shown_as_it_stands(bench: Bench) -> None:
    bench.redis.set(f"gradient:{KEY}", STORED)
    assert run(KEY, "--json", **bench.env) == (0, STORED + "\n", "")
    code, out, _ = run(KEY, **bench.env)
    assert code == 0
    assert out.splitlines()[:2] == [KEY, "  palette      #1B2A41 #D98E56"]
    assert "\x1b[48;2;217;142;86m" in on_terminal(KEY, **bench.env, **TRUE_COLOUR)
    page = Outline(run(KEY, "--html", **bench.env)[1])
    assert not page.open
    assert KEY in page.text


def test_worker_s_own_result_is_what_show_makes_of_the_same_file(bench: Bench, picture: Path) -> None:
    bench.storage.put(KEY, picture.read_bytes(), "image/jpeg")
    bench.push_id_job(KEY)
    env = {**bench.env, "GRADIENT_EXTRAS": "thumbHash,version"}
    with Console("--once", env=env) as once:
        assert once.wait() == 0, once.report()
    stored, made = (json.loads(run(name, "--json", **env)[1])["gradient"] for name in (KEY, str(picture)))
    assert stored == made


def test_file_comes_before_a_key_of_its_name_and_stored_asks_for_the_key(bench: Bench, picture: Path) -> None:
    bench.redis.set(f"gradient:{picture}", STORED)
    assert json.loads(run(str(picture), "--json", **bench.env)[1])["gradient"]["primary"] != "#1B2A41"
    assert run(str(picture), "--json", "--stored", **bench.env)[1] == STORED + "\n"


def test_key_without_a_result_is_told_in_one_sentence(bench: Bench) -> None:
    named = {"no/such.jpg": "no/such.jpg", "queue": "queue", "a\x1bb": '"a\\u001bb"', "x" * 5000: "x"}
    for name, told in named.items():
        code, out, err = run(name, **bench.env)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith(f"gradientd: there is no file and no stored result {told}")
    assert run("no-\udcff-text", **bench.env)[0] == 1


def test_result_without_a_gradient_is_told_with_its_status(bench: Bench) -> None:
    bench.push_id_job(KEY)
    assert run(KEY, **bench.env) == (1, "", f"gradientd: {KEY} has no gradient, its result is pending\n")
    failed = '{"status":"failed","attempts":4,"lastError":"The object\\u001b is missing.","createdAt":5,"updatedAt":6}'
    bench.redis.set(f"gradient:{KEY}", failed)
    code, out, err = run(KEY, "--json", **bench.env)
    assert (code, out) == (1, failed + "\n")
    assert err == f'gradientd: {KEY} has no gradient, its result is failed: "The object\\u001b is missing."\n'


def test_what_is_not_a_result_or_holds_nonsense_does_no_harm(bench: Bench) -> None:
    bench.redis.set(f"gradient:{KEY}", "nonsense")
    assert run(KEY, **bench.env) == (1, "", f"gradientd: what is stored for {KEY} is not a result\n")
    evil = {"palette": ["#12", 5, None], "primary": "\x1b[2J", "shares": "x", "blurDataUrl": [], "\x1b]": {"a": "\x1b"}}
    bench.redis.set(f"gradient:{KEY}", json.dumps({"status": "completed", "gradient": evil}))
    for told in (run(KEY, **bench.env)[1], on_terminal(KEY, **bench.env, **TRUE_COLOUR)):
        assert "\x1b[2J" not in told
        assert "\x1b]" not in told
    bench.redis.delete(f"gradient:{KEY}")
    bench.redis.rpush(f"gradient:{KEY}", "a list")
    code, _, err = run(KEY, **bench.env)
    assert (code, err.count("\n")) == (69, 1)
