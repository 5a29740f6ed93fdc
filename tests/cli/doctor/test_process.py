"""Planted in the process: its settings, gevent, libvips, codecs."""

from __future__ import annotations

from gradientd.cli.exits import Exit
from tests.cli.doctor.consulting import faults, run, run_in_python
from tests.real.conftest import Bench


def test_1_wrong_settings_are_found_and_the_rest_is_looked_at_all_the_same(bench: Bench) -> None:
    env = {**bench.env, "GRADIENT_WORKER_CONCURRENCY": "many", "GRADIENT_JOB_MAX_RETRYS": "5", "MASTER_BUCKET_NAME": ""}
    code, findings = run(env)
    assert code == Exit.WRONG_SETTINGS
    assert faults(findings) == [
        ("settings", "MASTER_BUCKET_NAME is not set"),
        ("settings", "GRADIENT_WORKER_CONCURRENCY must be a whole number, not 'many'"),
        ("settings", "GRADIENT_JOB_MAX_RETRYS is set, and nobody reads it"),
    ]
    assert ("unknown", "bucket", "not asked: its settings are missing or wrong") in findings
    assert ("ok", "settings", "complete and valid") not in findings
    assert any(grade == "ok" and check == "rights" for grade, check, _ in findings), "Redis' settings were right"


def test_10_missing_codec_is_found(bench: Bench) -> None:
    code, findings = run_in_python(
        "from gevent import monkey; monkey.patch_all()\n"
        "import pyvips; pyvips.operation_block_set('VipsForeignLoadWebp', True)",
        bench.env,
    )
    assert code == Exit.SOME_FAILED
    assert faults(findings) == [("codecs", "this libvips does not decode WebP: such pictures will fail")]


def test_11_missing_libvips_is_found(bench: Bench) -> None:
    code, findings = run_in_python(
        "from gevent import monkey; monkey.patch_all()\nimport sys; sys.modules['pyvips'] = None", bench.env
    )
    assert code == Exit.SOME_FAILED
    assert faults(findings) == [("codecs", "libvips cannot be loaded (ModuleNotFoundError)")]


def test_12_unpatched_process_is_found(bench: Bench) -> None:
    code, findings = run_in_python("", bench.env)
    assert code == Exit.SOME_FAILED
    ((check, text),) = faults(findings)
    assert check == "gevent"
    assert text.startswith("this process is not patched (socket, ssl, threading, time)")
