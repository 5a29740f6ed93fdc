"""etc/ agrees with gradientd: names, times, exit codes, commands, memory. Its form is what `make lint` checks."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

import gradientd
from gradientd.cli.arguments import make_parser
from gradientd.cli.exits import Exit
from gradientd.settings import LAST_WORDS_S, Settings, parse_env
from tests.packaging.deployment import (
    ETC,
    KUBERNETES,
    PODS,
    UNITS,
    Place,
    compose,
    compose_env,
    container_of,
    in_unit,
    places,
    read,
    unit_lines,
)
from tests.test_readme import READ

ROOT = ETC.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
FOR_LIBRARIES = {"GLIBC_TUNABLES", "MALLOC_ARENA_MAX", "VIPS_CONCURRENCY"}
AT_REST_MB = 110
"""The process itself, as benchmarks/memory.py measures it."""

everywhere = pytest.mark.parametrize("place", places(), ids=lambda place: place.name)
each_pod = pytest.mark.parametrize("path", PODS, ids=lambda path: path.stem)
each_unit = pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)


def known_variables() -> set[str]:
    """Those of the settings, each secret also from a file."""
    return {*READ.values(), *(f"{name}_FILE" for name in READ.values()), *FOR_LIBRARIES}


def parse(monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> Settings:
    for name in known_variables():
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return parse_env()


@everywhere
def test_every_variable_is_one_that_gradientd_reads(place: Place) -> None:
    assert place.env
    assert set(place.env) <= known_variables()


@everywhere
def test_every_name_in_a_comment_is_one_that_gradientd_reads(place: Place) -> None:
    (path,) = ETC.rglob(place.name)
    named = set(re.findall(r"\bGRADIENT_[A-Z0-9_]+\b", path.read_text(encoding="utf-8")))
    assert named - {"GRADIENT_PORTS"} <= known_variables()


@pytest.mark.parametrize("place", [at for at in places() if "REDIS_URL" in at.env], ids=lambda place: place.name)
def test_its_settings_are_accepted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse(monkeypatch, dict(place.env)).master_bucket_name == "photos"


@each_unit
def test_secrets_come_as_credentials_from_files_that_the_unit_loads(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (place,) = (place for place in places() if place.name == path.name)
    loaded = {value.partition(":")[0] for name, value in unit_lines(path) if name == "LoadCredential"}
    for credential in loaded:
        (tmp_path / credential).write_text("redis://valkey:6379/0\n")
    env = {name: value.replace("%d", str(tmp_path)) for name, value in place.env.items()}
    assert parse(monkeypatch, env).s3_secret_key == "redis://valkey:6379/0"


@everywhere
def test_a_stop_is_waited_for_longer_than_the_drain_and_the_last_words(place: Place) -> None:
    drain_ms = int(place.env.get("GRADIENT_SHUTDOWN_GRACE_MS", Settings("", "", "", "", "").shutdown_grace_ms))
    assert place.grace_s > drain_ms / 1000 + LAST_WORDS_S


def test_the_readme_s_docker_run_waits_as_long() -> None:
    waited = re.search(r"docker run .*--stop-timeout (\d+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert waited
    assert int(waited[1]) > Settings("", "", "", "", "").shutdown_grace_ms / 1000 + LAST_WORDS_S


@pytest.mark.parametrize("path", [ETC / "compose.yml", *PODS], ids=lambda path: path.stem)
def test_memory_holds_the_process_the_budget_and_a_download_for_each_job(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place,) = (place for place in places() if place.name == path.name)
    settings = parse(monkeypatch, dict(place.env))
    need_mb = AT_REST_MB + settings.memory_budget_mb + settings.concurrency * settings.max_image_bytes / 2**20
    told = container_of(path)["resources"]["limits"]["memory"] if path in PODS else _mem_limit()
    assert told in ("1Gi", "1g")
    assert need_mb <= 1024


def test_the_entry_point_is_the_image_s_and_its_arguments_are_understood() -> None:
    assert json.loads(found(r"^ENTRYPOINT (.+)$", DOCKERFILE)) == ["gradientd"]
    for path in PODS:
        assert "command" not in container_of(path)
    services = compose()["services"]
    for arguments in (container_of(PODS[1])["args"], services["enqueue"]["command"]):
        make_parser().parse_args(arguments)
    for name in ("gradientd", "enqueue"):
        assert "entrypoint" not in services[name]
    assert "command" not in services["gradientd"]
    assert "args" not in container_of(PODS[0])


def test_the_image_serves_every_setting_and_holds_no_pip() -> None:
    build, image = DOCKERFILE.split("\nFROM ")[1:]
    assert "'./[hashes]'" in build, "GRADIENT_EXTRAS=thumbHash needs it"
    assert "venv --without-pip" in build
    assert re.search(r"rm -rf [^&]*/usr/local/bin/pip\* [^&]*/site-packages/pip\*$", image, re.MULTILINE)


def test_the_health_command_is_the_image_s() -> None:
    image = re.search(r"^HEALTHCHECK (.+) CMD (.+)$", DOCKERFILE, re.MULTILINE)
    assert image
    check = compose()["services"]["gradientd"]["healthcheck"]
    assert check["test"] == ["CMD", *json.loads(image[2])]
    options = dict(re.findall(r"--([a-z-]+)=(\w+)", image[1]))
    assert options == {name.replace("_", "-"): value for name, value in check.items() if name != "test"}
    make_parser().parse_args(check["test"][2:])


def test_probes_ask_what_is_served() -> None:
    container = container_of(PODS[0])
    served = (ROOT / "gradientd" / "web" / "routes.py").read_text(encoding="utf-8")
    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {name: get["path"] for name, get in asked.items()} == {
        "startup": "/livez", "liveness": "/livez", "readiness": "/readyz",
    }  # fmt: skip
    assert all(f'"{get["path"]}"' in served for get in asked.values())
    (port,) = container["ports"]
    assert all(get["port"] == port["name"] for get in asked.values())
    assert read(KUBERNETES / "configmap.yml")["data"]["GRADIENT_HTTP_ADDR"] == f":{port['containerPort']}"


@each_pod
def test_a_pod_has_no_rights_and_the_image_s_user(path: Path) -> None:
    pod = read(path)["spec"]["template"]["spec"]
    user, group = found(r"^USER (.+)$", DOCKERFILE).split(":")
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]) == (int(user), int(group))
    assert pod["automountServiceAccountToken"] is False
    rights = container_of(path)["securityContext"]
    assert rights["readOnlyRootFilesystem"] is True
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert [mount["mountPath"] for mount in container_of(path)["volumeMounts"]] == ["/tmp"]


@pytest.mark.parametrize("name", ["gradientd", "enqueue", "valkey", "s3"])
def test_no_service_of_compose_has_rights(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "healthcheck" in service


def test_secrets_of_the_files_open_nothing() -> None:
    env = compose_env("gradientd")
    assert (env["S3_ACCESS_KEY"], env["S3_SECRET_KEY"]) == ("local-demo", "local-demo-only")
    assert env["GRADIENT_HTTP_TOKEN"] == ""
    told = read(KUBERNETES / "secret.example.yml")["stringData"]
    secrets = {name: value for name, value in told.items() if name != "keda-username"}
    assert all("change-me" in value for value in secrets.values())
    assert not set(read(KUBERNETES / "configmap.yml")["data"]) & set(told)


def test_what_selects_the_pods_selects_those_of_the_deployment() -> None:
    deployment = read(PODS[0])
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"]
    budget = read(KUBERNETES / "poddisruptionbudget.yml")["spec"]["selector"]
    assert deployment["spec"]["selector"] == spread == budget == {"matchLabels": labels}
    assert read(PODS[1])["spec"]["template"]["metadata"]["labels"] != labels
    assert "replicas" not in deployment["spec"]


def test_keda_scales_the_deployment_by_the_queue_and_never_to_zero() -> None:
    scaled = read(KUBERNETES / "scaledobject.yml")["spec"]
    assert scaled["scaleTargetRef"]["name"] == read(PODS[0])["metadata"]["name"]
    (trigger,) = scaled["triggers"]
    assert trigger["metadata"]["listName"] == "gradient:queue"
    assert scaled["minReplicaCount"] >= 1
    login = read(KUBERNETES / "triggerauthentication.yml")
    assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]
    keys = read(KUBERNETES / "secret.example.yml")["stringData"]
    assert {ref["key"] for ref in login["spec"]["secretTargetRef"]} <= set(keys)


def test_kustomization_names_files_that_are_there_and_this_version() -> None:
    text = (KUBERNETES / "kustomization.yml").read_text(encoding="utf-8")
    kustomization = read(KUBERNETES / "kustomization.yml")
    named = set(re.findall(r"^ +(?:# )?- ([a-z]+\.yml)$", text, re.MULTILINE))
    assert set(kustomization["resources"]) < named
    assert named == {path.name for path in KUBERNETES.glob("*.yml")} - {
        "kustomization.yml", "once-job.yml", "secret.example.yml",
    }  # fmt: skip
    (image,) = kustomization["images"]
    assert image["newTag"] == gradientd.__version__
    assert container_of(PODS[0])["image"] == image["name"]
    assert container_of(PODS[1])["image"] == f"{image['newName']}:{image['newTag']}"


def test_exit_codes_that_no_restart_makes_better_are_not_restarted() -> None:
    hopeless = {Exit.WRONG_SETTINGS, Exit.USAGE}
    for unit in UNITS:
        prevented = set(map(int, in_unit(unit, "RestartPreventExitStatus").split()))
        assert prevented == hopeless
        assert in_unit(unit, "Restart") == "on-failure"
        assert int(in_unit(unit, "RestartForceExitStatus")) == Exit.SOFTWARE
    fail, ignore = read(PODS[1])["spec"]["podFailurePolicy"]["rules"]
    assert (fail["action"], set(fail["onExitCodes"]["values"])) == ("FailJob", hopeless)
    assert ignore["action"] == "Ignore"
    supervised = (ETC / "supervisord.conf").read_text(encoding="utf-8")
    assert found(r"^exitcodes=(.+)$", supervised) == f"0,{Exit.WRONG_SETTINGS.value}"
    assert found(r"^autorestart=(.+)$", supervised) == "unexpected"


def test_the_templated_unit_differs_in_the_instance_s_name_alone() -> None:
    one, several = map(unit_lines, UNITS)
    ours = [(name, value.replace(" %i", "").replace("-%i", "")) for name, value in several]
    assert [pair for pair in ours if pair != ("EnvironmentFile", "-/etc/gradientd/%i.env")] == one
    assert len(ours) == len(one) + 1
    for unit in UNITS:
        assert shlex.split(in_unit(unit, "ExecStart"))[1:] == []
        assert in_unit(unit, "KillSignal") == found(r"^STOPSIGNAL (.+)$", DOCKERFILE)


def _mem_limit() -> str:
    return str(compose()["services"]["gradientd"]["mem_limit"])


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    assert match, pattern
    return match[1]
