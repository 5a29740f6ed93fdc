"""Every metric by its name, in both text formats, and what etc/ builds on them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from gradientd.metrics import Metrics, QueueReadings, Stage, WorkerReadings

ETC = Path(__file__).parents[1] / "etc"
WORKER = WorkerReadings(
    outcomes={"completed": 3, "failed": 0},
    recovered={"orphan": 1},
    stale_results=2,
    poison=0,
    redis_reconnects=4,
    picture_bytes=123,
    inflight=2,
    breaker_open=True,
)
QUEUE = QueueReadings({"queue": 5, "processing": 1, "delayed": 0}, dead_letters=7, oldest_job_s=3.5)
PROMISED = {
    "gradientd_jobs_total": {"outcome"},
    "gradientd_job_seconds_bucket": {"stage", "le"},
    "gradientd_inflight": set(),
    "gradientd_queue_depth": {"list"},
    "gradientd_oldest_job_seconds": set(),
    "gradientd_recovered_total": {"cause"},
    "gradientd_stale_results_total": set(),
    "gradientd_poison_total": set(),
    "gradientd_dead_letters": set(),
    "gradientd_breaker_open": set(),
    "gradientd_redis_reconnects_total": set(),
    "gradientd_bytes_total": set(),
    "gradientd_build_info": {"version", "python"},
    "gradientd_redis_up": set(),
}


def exposed(queue: QueueReadings | None = QUEUE) -> dict[str, set[str]]:
    """Each sample's name and its labels' names."""
    metrics = Metrics("1.2.3")
    metrics.observe(Stage.DECODE, 0.02)
    body, _ = metrics.exposition(WORKER, queue)
    families = text_string_to_metric_families(body.decode())
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def test_every_promised_metric_is_there_with_its_labels() -> None:
    found = exposed()
    assert {name: found.get(name) for name in PROMISED} == PROMISED


def test_without_redis_its_metrics_are_absent_rather_than_wrong() -> None:
    missing = set(exposed()) - set(exposed(queue=None))
    assert missing == {"gradientd_queue_depth", "gradientd_oldest_job_seconds", "gradientd_dead_letters"}


def test_unknown_age_is_absent() -> None:
    assert "gradientd_oldest_job_seconds" not in exposed(QueueReadings({"queue": 1}, 0, None))


def test_openmetrics_is_spoken_to_who_asks_for_it() -> None:
    metrics = Metrics("1.2.3")
    body, content_type = metrics.exposition(WORKER, QUEUE, "application/openmetrics-text;version=1.0.0,text/plain")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    names = {family.name for family in openmetrics.text_string_to_metric_families(body.decode())}
    assert {"gradientd_jobs", "gradientd_build", "gradientd_job_seconds"} <= names


def test_two_workers_in_one_process_count_apart() -> None:
    first, second = Metrics("1"), Metrics("1")
    first.observe(Stage.STORE, 1)
    assert b'gradientd_job_seconds_count{stage="store"} 0.0' in second.exposition(WORKER, None)[0]


@pytest.mark.parametrize("name", ["grafana.json", "alerts.yml"])
def test_what_etc_asks_prometheus_for_is_exposed(name: str) -> None:
    asked = set(re.findall(r"\bgradientd_\w+", (ETC / name).read_text()))
    assert asked
    assert asked <= {*exposed(), "gradientd_job_seconds"}


def dashboard_expressions() -> list[str]:
    dashboard = json.loads((ETC / "grafana.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def test_dashboard_shows_every_metric() -> None:
    assert [name for name in PROMISED if name not in " ".join(dashboard_expressions())] == []


def promtool(*arguments: str | Path, stdin: bytes = b"") -> str:
    """Run Prometheus' own checker; what it says when it is content."""
    binary = shutil.which("promtool")
    if binary is None and os.environ.get("CI") == "true":
        pytest.fail("promtool is missing, and CI=true (apt-get install prometheus)", pytrace=False)
    if binary is None:
        pytest.skip("promtool is missing (apt-get install prometheus)")
    done = subprocess.run([binary, *arguments], input=stdin, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def test_prometheus_finds_no_fault_with_the_exposition() -> None:
    body, _ = Metrics("1.2.3").exposition(WORKER, QUEUE)
    assert promtool("check", "metrics", stdin=body) == ""


def test_prometheus_understands_every_panel(tmp_path: Path) -> None:
    variables = {"$__rate_interval": "5m", "$__range": "1h", "$job": ".+"}
    rules = []
    for number, expression in enumerate(dashboard_expressions()):
        for name, value in variables.items():
            expression = expression.replace(name, value)
        rules.append({"record": f"panel:{number}", "expr": expression})
    file = tmp_path / "panels.json"  # JSON is YAML too
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", file)


def test_alerts_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", Path(__file__).parent / "web" / "alerts_test.yml")
