"""The Kubernetes objects: what Kubernetes takes, what the code needs, and what the plan says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from agents.kafka.access import load_principals
from agents.settings import ENV_PREFIX, Settings
from agents.sizing import Load, plan
from pipeline.topics import AGENTS
from tests.deploy.kustomize_tool import BUILD_SECONDS, kustomize_command

pytestmark = pytest.mark.timeout(BUILD_SECONDS + 60)

DEPLOY = Path(__file__).parents[2] / "deploy"
KUSTOMIZE = DEPLOY / "kustomize"
BASE = KUSTOMIZE / "base"
OVERLAYS = {
    "small": Load(tps=500, watched=20_000, reports_a_day=300, retention_days=7),
    "national": Load(tps=20_000, watched=1_000_000, reports_a_day=3_000, retention_days=7),
}
"""What each overlay is for: the same as its first line says."""
POD_MONITOR = "PodMonitor"
"""Of the Prometheus operator: Kubernetes itself has no schema for it."""
GIB = {"Gi": 1.0, "Mi": 1 / 1024}


def _objects(text: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(text) if one]


def _base() -> list[dict[str, Any]]:
    files = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    return [one for file in files for one in _objects((BASE / file).read_text())]


def _rendered(overlay: str) -> list[dict[str, Any]]:
    """What kustomize makes of an overlay; skipped where none can be had."""
    return _built(KUSTOMIZE / "overlays" / overlay)


def _built(folder: Path) -> list[dict[str, Any]]:
    command = [*kustomize_command(), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return _objects(done.stdout)


def _workers(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == "StatefulSet"}


def _pod(worker: dict[str, Any]) -> dict[str, Any]:
    return worker["spec"]["template"]["spec"]


def _container(worker: dict[str, Any]) -> dict[str, Any]:
    (container,) = _pod(worker)["containers"]
    return container


def _gib(quantity: str) -> float:
    return float(quantity[:-2]) * GIB[quantity[-2:]]


def _takes(objects: list[dict[str, Any]]) -> None:
    latest = kubernetes_validate.latest_version()
    for one in objects:
        if one["kind"] != POD_MONITOR:
            kubernetes_validate.validate(one, latest, strict=True)


def test_kubernetes_takes_every_object() -> None:
    _takes(_base())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_takes_what_kustomize_makes(overlay: str) -> None:
    objects = _rendered(overlay)
    _takes(objects)
    assert {one["metadata"].get("namespace") for one in objects} == {"freezeline"}
    images = {_container(worker)["image"] for worker in _workers(objects).values()}
    assert len(images) == 1
    assert not images & {"freezeline", "freezeline:latest"}


def test_kustomize_makes_of_the_base_what_its_files_say() -> None:
    made, written = _built(BASE), _base()
    _takes(made)
    names = {(one["kind"], one["metadata"]["name"]) for one in written}
    generated = {(one["kind"], one["metadata"]["name"]) for one in made} - names
    ((kind, name),) = generated
    assert kind == "ConfigMap"
    assert name.startswith("freezeline-")
    assert {(one["kind"], one["metadata"]["name"]) for one in made} == names | generated
    # A change of the settings changes the name, and so starts the workers anew.
    for worker in _workers(made).values():
        assert _container(worker)["envFrom"] == [{"configMapRef": {"name": name}}]
        assert worker["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/part-of"]


def test_every_agent_has_its_workers_and_may_lose_one_at_a_time() -> None:
    objects = _base()
    assert set(_workers(objects)) == AGENTS
    budgets = {o["metadata"]["name"]: o["spec"] for o in objects if "Budget" in o["kind"]}
    for name, worker in _workers(objects).items():
        assert _container(worker)["args"] == ["worker", name]
        assert worker["spec"]["replicas"] >= 2
        assert budgets[name]["maxUnavailable"] == 1
        assert budgets[name]["selector"] == worker["spec"]["selector"]
        assert worker["spec"]["serviceName"] == name


def test_no_worker_has_rights_or_a_place_to_write_but_its_own() -> None:
    for worker in _workers(_base()).values():
        pod, container = _pod(worker), _container(worker)
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} == container["resources"]["requests"].keys()
    image = (DEPLOY / "docker" / "Dockerfile").read_text()
    users = set(re.findall(r"USER (\d+):(\d+)", image))
    assert (
        users
        == {("10001", "10001")}
        == {
            (str(p["runAsUser"]), str(p["fsGroup"]))
            for p in (_pod(worker)["securityContext"] for worker in _workers(_base()).values())
        }
    )


def test_kubernetes_asks_what_the_worker_answers() -> None:
    for worker in _workers(_base()).values():
        container = _container(worker)
        asked = {
            probe: container[f"{probe}Probe"]["httpGet"]["path"]
            for probe in ("startup", "liveness", "readiness")
        }
        assert asked == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
        (named,) = container["ports"]
        assert named["containerPort"] == int(_environment()["FREEZELINE_HTTP_PORT"])


def test_a_pod_keeps_its_name_in_its_group_and_its_state_in_its_volume() -> None:
    for name, worker in _workers(_base()).items():
        container = _container(worker)
        (instance,) = container["env"]
        assert instance["name"] == "FREEZELINE_INSTANCE_ID"
        assert instance["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts["state"] == _environment()["FREEZELINE_STATE_DIR"]
        claims = [
            claim["metadata"]["name"] for claim in worker["spec"].get("volumeClaimTemplates", [])
        ]
        volumes = [volume["name"] for volume in _pod(worker)["volumes"]]
        assert (claims == ["state"]) == (name != "intake")
        assert sorted(mounts) == sorted([*claims, *volumes])
        # A volume is called state-accounts-0 then, as the rules on disks take it to be.
        assert "state-.*" in (DEPLOY / "prometheus" / "rules" / "alerts.yml").read_text()


def _environment() -> dict[str, str]:
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    (made,) = kustomization["configMapGenerator"]
    return dict(literal.split("=", 1) for literal in made["literals"])


def test_only_settings_that_exist_are_set_and_secrets_are_files() -> None:
    known = {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert _environment().keys() <= known
    secret = {"FREEZELINE_HASH_KEY", "FREEZELINE_SASL_PASSWORD", "FREEZELINE_SSL_PASSWORD"}
    assert not secret & _environment().keys()
    for worker in _workers(_base()).values():
        mounts = [mount["mountPath"] for mount in _container(worker)["volumeMounts"]]
        files = [v for k, v in _environment().items() if k.endswith("FILE")]
        assert len(files) == 4
        assert all(any(file.startswith(f"{mount}/") for mount in mounts) for file in files)


def test_a_worker_has_the_certificate_of_its_own_user() -> None:
    users = load_principals(DEPLOY / "strimzi" / "principals.yaml").users
    strimzi = _objects((DEPLOY / "strimzi" / "kafka.yaml").read_text())
    cluster = {one["metadata"]["labels"]["strimzi.io/cluster"] for one in strimzi}
    for name, worker in _workers(_base()).items():
        secrets = {
            v["name"]: v["secret"]["secretName"] for v in _pod(worker)["volumes"] if "secret" in v
        }
        assert [secrets["kafka-user"]] == list(users[name])
        assert {secrets["kafka-ca"].removesuffix("-cluster-ca-cert")} == cluster
    assert {_environment()["FREEZELINE_BOOTSTRAP"].removesuffix("-kafka-bootstrap:9093")} == cluster


def test_workers_talk_to_kafka_and_are_heard_by_the_scraper_alone() -> None:
    (policy,) = (one["spec"] for one in _base() if one["kind"] == "NetworkPolicy")
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == [8080]
    assert [port["port"] for rule in policy["egress"] for port in rule["ports"]] == [9093, 53, 53]
    assert all(rule.get("from") or rule.get("to") for rule in policy["ingress"] + policy["egress"])
    for worker in _workers(_rendered("small")).values():
        labels = worker["spec"]["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize(("overlay", "load"), OVERLAYS.items())
def test_an_overlay_is_as_large_as_the_plan_for_its_load(overlay: str, load: Load) -> None:
    said = (KUSTOMIZE / "overlays" / overlay / "kustomization.yaml").read_text()
    assert f"--tps {load.tps} --watched {load.watched}" in said
    planned = {figure.name: figure.value for figure in plan(load)}
    workers = _workers(_rendered(overlay))
    for agent in AGENTS:
        assert workers[agent]["spec"]["replicas"] >= planned[f"{agent} workers"]
    for agent in ("accounts", "clustering"):
        article = "an" if agent == "accounts" else "a"
        resources = _container(workers[agent])["resources"]
        for memory in (resources["requests"]["memory"], resources["limits"]["memory"]):
            assert _gib(memory) >= planned[f"memory of {article} {agent} worker"]
        (claim,) = workers[agent]["spec"]["volumeClaimTemplates"]
        disk = _gib(claim["spec"]["resources"]["requests"]["storage"])
        assert disk >= planned[f"disk of {article} {agent} worker"]


def test_the_monitor_gives_targets_the_names_that_the_rules_rest_on() -> None:
    text = (KUSTOMIZE / "components" / "pod-monitor" / "pod-monitor.yaml").read_text()
    (endpoint,) = yaml.safe_load(text)["spec"]["podMetricsEndpoints"]
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    made = {one["targetLabel"]: one for one in endpoint["relabelings"]}
    assert made["job"]["replacement"] == config["scrape_configs"][0]["job_name"]
    assert made["agent"]["sourceLabels"] == [
        "__meta_kubernetes_pod_label_app_kubernetes_io_component"
    ]
    assert endpoint["interval"] == config["global"]["scrape_interval"]
