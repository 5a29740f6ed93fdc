"""Whether the supervisor waits long enough: what it says, what it cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradientd.cli.exits import Exit
from tests.cli.doctor.consulting import Machine, only_fault
from tests.real.conftest import Bench


@pytest.mark.parametrize(
    ("lines", "grade", "told"),
    [
        ("", "fault", "kills after 10 s, the grace time is 25 s: jobs in work are killed with the worker"),
        ("stopwaitsecs=30 ; not enough", "note", "kills after 30 s, the grace time is 25 s: handing back may take"),
        ("stopwaitsecs=40", "ok", "kills after 40 s, the grace time is 25 s"),
        ('environment=A="b",GRADIENT_SHUTDOWN_GRACE_MS="60000"\nstopwaitsecs=40', "fault", "the grace time is 60 s"),
        ("stopwaitsecs=40\nstopsignal=QUIT", "fault", "stops the worker by QUIT"),
        ("stopwaitsecs=soon", "fault", "supervisord's configuration cannot be read (ValueError)"),
    ],
)
def test_13_supervisord_that_does_not_wait_is_found(
    machine: Machine, tmp_path: Path, lines: str, grade: str, told: str
) -> None:
    (tmp_path / "main.conf").write_text("[supervisord]\n[include]\nfiles = conf.d/*.conf\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "worker.conf").write_text(
        f"[program:other]\ncommand=sleep 1\n[program:gradientd]\ncommand=/usr/bin/gradientd\n{lines}\n"
    )
    code, findings = machine.doctor("--supervisord", str(tmp_path / "main.conf"))
    assert [(found, told in text) for found, check, text in findings if check == "stop"] == [(grade, True)]
    assert code == (Exit.SOME_FAILED if grade == "fault" else Exit.DONE)


def test_14_wait_that_is_shorter_than_the_grace_time_is_found(bench: Bench) -> None:
    env = {**bench.env, "GRADIENT_SHUTDOWN_GRACE_MS": "40000"}
    text = only_fault(env, Exit.SOME_FAILED, "stop")
    assert "the supervisor (--wait) kills after 40 s, the grace time is 40 s" in text


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (".dockerenv", "a container cannot see its own stop time-out, and Docker's default is 10 s"),
        ("var/run/secrets/kubernetes.io/x", "a pod cannot see its own grace period, and Kubernetes' default is 30 s"),
        ("x", "no supervisor was found here; a stop takes up to 35 s"),
    ],
)
def test_wait_that_cannot_be_seen_is_asked_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, told: str
) -> None:
    machine.write(file)
    monkeypatch.chdir(tmp_path)  # where no supervisord.conf is
    code, findings = machine.doctor()
    assert code == Exit.DONE
    assert ("unknown", "stop", told) in findings


@pytest.mark.parametrize(("span", "grade"), [("20s", "fault"), ("1min 30s", "ok"), ("infinity", "ok")])
def test_systemd_is_asked_for_its_wait(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, span: str, grade: str
) -> None:
    machine.write("run/systemd/system/x")
    machine.write(
        "bin/systemctl",
        "#!/bin/sh\n"
        f"printf 'Id=gradientd.service\\nLoadState=loaded\\nTimeoutStopUSec={span}\\n\\n'\n"
        "printf 'Id=gradientd@1.service\\nLoadState=not-found\\nTimeoutStopUSec=1s\\n'\n",
    )
    (tmp_path / "bin" / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.chdir(tmp_path)
    _, findings = machine.doctor()
    ((found, text),) = [(grade, text) for grade, check, text in findings if check == "stop"]
    assert found == grade
    assert text.startswith("systemd (gradientd.service) kills after ")
