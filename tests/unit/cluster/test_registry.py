"""The registry answers what a pull asks, and nothing else."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from cluster.images.oci import MANIFEST, Config, Images
from cluster.images.tree import Tree
from cluster.registry import serve


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(tmp_path)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    server = serve("127.0.0.1", 0, tmp_path)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(60)


def test_a_tag_leads_to_its_manifest_and_that_to_its_layers(images: Images, url: str) -> None:
    tree = Tree()
    tree.text("/hello", "hello")
    digest = images.image("racktwin/app", "1.0", [images.layer(tree)], Config(("run",)))
    assert requests.get(f"{url}/v2/", timeout=60).ok
    by_tag = requests.get(f"{url}/v2/racktwin/app/manifests/1.0?ns=docker.io", timeout=60)
    assert by_tag.headers["Content-Type"] == MANIFEST
    assert by_tag.headers["Docker-Content-Digest"] == digest
    by_digest = requests.get(f"{url}/v2/racktwin/app/manifests/{digest}", timeout=60)
    assert by_digest.content == by_tag.content
    layer = by_tag.json()["layers"][0]
    blob = requests.get(f"{url}/v2/racktwin/app/blobs/{layer['digest']}", timeout=60)
    assert len(blob.content) == layer["size"]


def test_asking_whether_it_is_there_sends_no_body(images: Images, url: str) -> None:
    digest = images.image("pause", "3", [], Config(("/pause",)))
    answer = requests.head(f"{url}/v2/pause/manifests/3", timeout=60)
    assert (answer.status_code, answer.headers["Docker-Content-Digest"], answer.content) == (200, digest, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/v2/unknown/manifests/1",
        f"/v2/unknown/blobs/sha256:{'0' * 64}",
        "/v2/x/blobs/latest",
        "/v2/../cluster.json/manifests/1",
        "/v2/x/manifests/../../secret",
        "/",
    ],
)
def test_nothing_else_is_there(url: str, path: str) -> None:
    assert requests.get(url + path, timeout=60).status_code == 404


def test_nobody_can_write(url: str) -> None:
    assert requests.put(f"{url}/v2/x/manifests/1", data=b"{}", timeout=60).status_code == 501
