"""Planted in the machine: memory, processors, folders."""

from __future__ import annotations

import pytest

from gradientd.cli.exits import Exit
from tests.cli.doctor.consulting import Machine, faults, only_fault
from tests.real.conftest import Bench


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{512 * 2**20}\n"},
            "GRADIENT_MEMORY_BUDGET_MB is 512, and the cgroup's limit is 512 MB",
        ),
        (
            {
                "proc/self/cgroup": "0::/kube/pod/c\n",
                "sys/fs/cgroup/kube/pod/c/memory.max": "max\n",
                "sys/fs/cgroup/kube/pod/memory.max": f"{600 * 2**20}\n",
            },
            "and the cgroup's limit is 600 MB",
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/docker/c\n0::/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{256 * 2**20}\n",
            },
            "and the cgroup's limit is 256 MB",
        ),
        ({"proc/meminfo": "MemFree: 1 kB\nMemTotal:      400000 kB\n"}, "and this machine's memory is 390 MB"),
    ],
)
def test_15_memory_budget_over_the_limit_is_found(machine: Machine, files: dict[str, str], told: str) -> None:
    for path, text in files.items():
        machine.write(path, text)
    code, findings = machine.doctor("--wait=40")
    assert code == Exit.SOME_FAILED
    ((check, text),) = faults(findings)
    assert (check, told in text) == ("memory budget", True), text


def test_16_heartbeat_that_cannot_be_written_is_found(bench: Bench) -> None:
    env = {**bench.env, "GRADIENT_HEARTBEAT_FILE": "/no-such-folder/heartbeat"}
    text = only_fault(env, Exit.SOME_FAILED, "folders")
    assert "/no-such-folder/heartbeat cannot be written" in text


def test_processor_quota_is_seen(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.write("proc/self/cgroup", "0::/\n")
    machine.write("sys/fs/cgroup/cpu.max", "50000 100000\n")
    monkeypatch.setenv("GRADIENT_WORKER_CONCURRENCY", "4")
    monkeypatch.setenv("GRADIENT_DECODE_THREADS", "4")
    _, findings = machine.doctor("--wait=40")
    assert any(grade == "note" and "4 pictures are decoded at once on 0.5 of " in text for grade, _, text in findings)
