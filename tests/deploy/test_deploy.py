"""The deployment files are well formed and agree with the code and with each other."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from agents.kafka.access import load_principals
from agents.kafka.access_export import as_yaml, strimzi_resources
from agents.local.cluster import DEFAULT_HTTP_PORT
from agents.local.kafka_jars import KAFKA_VERSION
from agents.settings import ENV_PREFIX, Settings
from agents.worker import WorkerName
from pipeline.topics import AGENTS, load_topics

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"
COMPOSE_FILE = DEPLOY / "compose" / "compose.yaml"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))


def _workers(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    services = compose["services"].items()
    return {name: s for name, s in services if s.get("command", [""])[0] == "worker"}


def _instructions() -> list[tuple[str, str]]:
    joined = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines]


def test_every_agent_is_a_worker(compose: dict[str, Any]) -> None:
    workers = _workers(compose)
    assert set(workers) == AGENTS
    assert all(service["command"] == ["worker", name] for name, service in workers.items())
    instances = [service["environment"]["FREEZELINE_INSTANCE_ID"] for service in workers.values()]
    assert len(set(instances)) == len(instances)


def test_workers_wait_for_the_topics_and_the_topics_for_kafka(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["topics"]["command"] == ["topics", "apply"]
    assert services["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    for name in AGENTS:
        needed = services[name]["depends_on"]
        assert needed == {"topics": {"condition": "service_completed_successfully"}}


def test_only_settings_that_exist_are_set(compose: dict[str, Any]) -> None:
    given = {
        variable
        for service in compose["services"].values()
        for variable in service.get("environment", {})
        if variable.startswith(ENV_PREFIX)
    }
    given |= set(re.findall(rf"{ENV_PREFIX}[A-Z_]+", DOCKERFILE.read_text(encoding="utf-8")))
    known = {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert given <= known


def test_nothing_listens_beyond_this_machine(compose: dict[str, Any]) -> None:
    ports = [p for service in compose["services"].values() for p in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    outside = [port.split(":")[1] for port in ports]
    assert len(set(outside)) == len(outside)


def test_every_volume_is_declared_and_every_mounted_file_is_there(compose: dict[str, Any]) -> None:
    mounted = [v for s in compose["services"].values() for v in s.get("volumes", [])]
    sources = {volume.split(":")[0] for volume in mounted}
    files = {source for source in sources if source.startswith(".")}
    assert sources - files == set(compose["volumes"])
    assert all((COMPOSE_FILE.parent / source).exists() for source in files)


def test_workers_keep_their_state_where_the_image_puts_it(compose: dict[str, Any]) -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    folder = re.search(r"FREEZELINE_STATE_DIR=(\S+)", text)
    assert folder is not None
    for name in AGENTS:
        (volume,) = compose["services"][name]["volumes"]
        assert volume.endswith(f":{folder[1]}")


def test_no_secret_is_in_the_files(compose: dict[str, Any]) -> None:
    assert compose["secrets"] == {"hash-key": {"file": "./hash-key"}}
    assert "deploy/compose/hash-key" in (TOP / ".gitignore").read_text(encoding="utf-8")
    for service in compose["services"].values():
        assert not {"FREEZELINE_HASH_KEY", "FREEZELINE_SASL_PASSWORD"} & set(
            service.get("environment", {})
        )


def test_kafka_is_the_version_that_the_tests_use(compose: dict[str, Any]) -> None:
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_prometheus_asks_every_worker_and_knows_its_kind(compose: dict[str, Any]) -> None:
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    (job,) = yaml.safe_load(text)["scrape_configs"]
    port = compose["services"]["intake"]["environment"]["FREEZELINE_HTTP_PORT"]
    asked = {one["labels"]["agent"]: one["targets"] for one in job["static_configs"]}
    assert job["job_name"] == "freezeline"
    assert asked == {name: [f"{name}:{port}"] for name in AGENTS}


def test_the_local_configuration_asks_the_workers_of_freezeline_up() -> None:
    folder = DEPLOY / "prometheus"
    local = yaml.safe_load((folder / "local.yml").read_text(encoding="utf-8"))
    shared = yaml.safe_load((folder / "prometheus.yml").read_text(encoding="utf-8"))
    asked = {
        one["labels"]["agent"]: one["targets"]
        for one in local["scrape_configs"][0].pop("static_configs")
    }
    assert asked == {
        name.value: [f"127.0.0.1:{DEFAULT_HTTP_PORT + place}"]
        for place, name in enumerate(WorkerName)
    }
    shared["scrape_configs"][0].pop("static_configs")
    assert local == shared


def test_the_image_copies_what_exists_and_runs_as_nobody_special() -> None:
    instructions = _instructions()
    copied = [
        source
        for word, rest in instructions
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert copied
    assert all((TOP / source).exists() for source in copied)
    allowed = (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    assert set(copied) == set(re.findall(r"^!(\S+)", allowed, flags=re.MULTILINE))
    assert ("USER", "10001:10001") in instructions
    assert ("ENTRYPOINT", '["freezeline"]') in instructions
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "freezeline" in project["scripts"]


def test_the_strimzi_resources_are_those_of_the_topics_and_principals() -> None:
    folder = DEPLOY / "strimzi"
    resources = strimzi_resources(
        load_topics(),
        load_principals(folder / "principals.yaml"),
        cluster="freezeline",
        replicas=3,
        authentication="tls",
    )
    written = (folder / "kafka.yaml").read_text(encoding="utf-8")
    assert written == as_yaml(resources), "make deploy-files writes them anew"


def test_the_compose_file_is_what_the_specification_allows(compose: dict[str, Any]) -> None:
    assert len(PyCompose.from_json(json.dumps(compose))) == len(compose["services"])
    compose = {**compose, "services": {"kafka": {"image": "a", "portz": ["1:1"]}}}
    with pytest.raises(ValueError, match="portz"):
        PyCompose.from_json(json.dumps(compose))


def test_hadolint_has_nothing_to_say_about_the_image() -> None:
    done = subprocess.run(
        [_beside_python("hadolint"), str(DOCKERFILE)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_pinned_and_says_whether_its_worker_lives() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert re.search(r"^ARG PYTHON=\d+\.\d+\.\d+-slim-\w+$", text, flags=re.MULTILINE)
    assert not re.search(r"(FROM|--from=)\S+:(latest|\d+|\d+\.\d+)(\s|/|$)", text)
    (health,) = (rest for word, rest in _instructions() if word == "HEALTHCHECK")
    assert "/livez" in health
    assert "FREEZELINE_HTTP_PORT" in health


def _beside_python(name: str) -> str:
    """A program of a package of the environment, which need not be on the PATH."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or name
