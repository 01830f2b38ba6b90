"""The profile for Kubernetes: what it asks for, and a chapter on a stand-in that starts containers' commands here."""

import json
import shutil
import subprocess
import sys
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pytest
import yaml
from conftest import ROOT, copied, environment_of

from bookchain.dependencies import declared

CHAPTER = "09-auditing-the-paper"
PLUGINS = Path(find_spec("snakemake_executor_plugin_kubernetes").origin).parents[1]


class Cluster(BaseHTTPRequestHandler):
    """As much of Kubernetes as the plugin asks for; a pod is a process in an empty folder, with its own variables."""

    folder, secrets, jobs, containers = None, {}, {}, []

    def answer(self, body, status=200):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = body["metadata"]["name"]
        if self.path.endswith("/secrets"):
            self.secrets[name] = body["data"]
        else:
            container = body["spec"]["template"]["spec"]["containers"][0]
            self.containers.append(container)
            pod = self.folder / name
            pod.mkdir()
            given = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(pod)}
            given["PYTHONPATH"] = str(PLUGINS)
            for variable in container["env"]:
                source = variable["valueFrom"]["secretKeyRef"]
                given[variable["name"]] = b64decode(self.secrets[source["name"]][source["key"]]).decode()
            command = [*container["command"], *container["args"]]
            self.jobs[name] = subprocess.Popen(command, cwd=pod, env=given, stdout=(pod / "said").open("w"), stderr=-2)
        self.answer(body, 201)

    def do_GET(self):  # noqa: N802
        if "/pods" in self.path:
            self.answer({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []})
            return
        status = self.jobs[self.path.split("/jobs/")[1].split("/")[0]].poll()
        state = {None: {}, 0: {"succeeded": 1}}.get(status, {"failed": 1})
        self.answer({"kind": "Job", "apiVersion": "batch/v1", "metadata": {}, "status": state})

    def do_DELETE(self):  # noqa: N802
        self.answer({"kind": "Status", "apiVersion": "v1", "metadata": {}})

    def log_message(self, *words):
        """Say nothing."""


@pytest.fixture
def cluster(tmp_path):
    """The running stand-in; `KUBECONFIG` is in its folder."""
    (tmp_path / "pods").mkdir()
    Cluster.folder, Cluster.containers = tmp_path / "pods", []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cluster)
    Thread(target=server.serve_forever, daemon=True).start()
    settings = {
        **{"apiVersion": "v1", "kind": "Config", "current-context": "x", "users": [{"name": "u", "user": {}}]},
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(settings))
    yield Cluster
    server.shutdown()


def planned(project, *words, preset="tests/tiny.yml", **variables):
    """Run Snakemake with the profile, with nothing but these words on top of it."""
    environment = environment_of(project) | {"PROFILE": "kubernetes", "PRESET": preset, **variables}
    environment["PYTHONPATH"] = f"{project}:{PLUGINS}"
    command = ["snakemake", "--workflow-profile", "profiles/kubernetes", *words]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_a_run_is_planned_with_the_profile():
    done = planned(ROOT, "--dry-run")
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    for source in sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.md")):
        assert f"/volume/cxr-book/runs/tiny/{source.stem} (in storage)" in said


@pytest.mark.skipif(not shutil.which("rsync"), reason="rsync is absent, by which files go to the volume")
def test_a_chapter_runs_in_a_pod_that_has_nothing_but_what_it_is_sent(cluster, tmp_path):
    project, volume = copied(tmp_path).rename(tmp_path / "plain"), tmp_path / "volume"
    for words in (["init", "--quiet"], ["add", "."]):  # what git knows is what is sent
        subprocess.run(["git", *words], cwd=project, check=True)
    words = ["--default-storage-prefix", str(volume), "--retries", "0", "--latency-wait", "5"]
    words += ["--until", f"runs/tiny/executed/{CHAPTER}.ipynb"]
    done = planned(project, *words, KUBECONFIG=str(tmp_path / "kubeconfig"))
    said = [path.read_text()[-2000:] for path in cluster.folder.glob("*/said")]
    assert done.returncode == 0, (done.stderr[-3000:], said)
    assert json.loads((volume / "runs/tiny" / CHAPTER / "complete.json").read_text())["chapter"] == CHAPTER
    asked, (container,) = declared(ROOT / "notebooks" / f"{CHAPTER}.md"), cluster.containers
    assert container["resources"]["requests"]["memory"] == f"{1024 * asked.memory_gb}M"
    record = json.loads((volume / "runs/tiny/executed" / f"{CHAPTER}.json").read_text())
    assert record["surroundings"]["threads"] == asked.threads
    assert int(container["resources"]["requests"]["cpu"].removesuffix("m")) <= 1000 * asked.threads
