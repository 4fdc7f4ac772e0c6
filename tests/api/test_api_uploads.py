"""Data sets over HTTP: raw and form uploads, the same bytes again, reading, deleting."""

import gzip
import hashlib
import io
import socket
import tarfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from api_service import Service, add_dataset, npy, png_zip, serving, wait_until
from chaos.volume import Volume
from PIL import Image
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from jobs.records import Dataset
from jobs.settings import Settings

ZIP = {"content-type": "application/zip"}
PATH = "/v1/datasets"


def post(service: Service, data: Any, kind: str, /, **params: str) -> httpx.Response:
    headers = {"content-type": kind}
    return service.http.post(PATH, content=data, headers=headers, params=params)


def test_files_that_are_lost_come_back_with_the_same_bytes(service: Service) -> None:
    data = png_zip()
    made = post(service, data, "application/zip").json()
    folder = service.context.artifacts.path(f"datasets/{made['id']}")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    for lost in ({"index.json"}, {"pixels.npy", "index.json"}):
        for name in lost:
            (folder / name).unlink()
        assert service.http.get(f"{PATH}/{made['id']}/images/0").status_code == 410
        again = post(service, data, "application/zip")
        assert (again.status_code, again.json()) == (200, made)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
        assert service.http.get(f"{PATH}/{made['id']}/images/0").status_code == 200


def test_a_zip_becomes_a_data_set_once(service: Service) -> None:
    data = png_zip()
    answer = post(service, data, "application/zip", truth="folders", name="faces")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"{PATH}/{made['id']}" == made["links"]["self"]
    assert made["sha256"] == hashlib.sha256(data).hexdigest()
    assert made["name"] == "faces"
    assert made["options"] == {"truth": "folders"}
    assert (made["kind"], made["dimension"]) == ("images", None)
    assert (made["n_images"], made["height"], made["width"], made["channels"]) == (4, 8, 8, 1)
    assert made["classes"] == ["a", "b"]
    assert service.http.get(answer.headers["location"]).json() == made
    folder = service.context.artifacts.path(f"datasets/{made['id']}")
    assert sorted(p.name for p in folder.iterdir()) == ["index.json", "pixels.npy"]
    with service.unchanged():
        again = post(service, data, "application/zip", truth="folders")
    assert (again.status_code, again.json()) == (200, made)
    assert again.headers["location"] == f"{PATH}/{made['id']}"
    other = post(service, data, "application/zip", truth="none")
    assert other.status_code == 201, "read in another way it is another data set"
    assert service.http.delete(f"{PATH}/{made['id']}").status_code == 200
    renewed = post(service, data, "application/zip", truth="folders")
    assert renewed.status_code == 201
    assert renewed.json()["id"] != made["id"]


def test_a_form_is_read_as_the_same_upload(service: Service) -> None:
    data = png_zip(seed=1)
    form = {"truth": "folders", "name": "from a form"}
    files = {"file": ("../../faces.zip", data, "application/zip")}
    answer = service.http.post(PATH, data=form, files=files)
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == "from a form"
    assert post(service, data, "application/zip", truth="folders").json() == answer.json()
    files = {"file": ("..\\x/../faces.zip", png_zip(seed=2), "application/zip")}
    answer = service.http.post(PATH, params={"truth": "folders"}, files=files)
    assert answer.json()["name"] == "faces.zip"
    assert answer.json()["classes"] == ["a", "b"]


def test_arrays_and_tars_and_chunks(service: Service) -> None:
    stack = np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8)
    answer = post(service, npy(stack), "application/octet-stream")
    assert (answer.status_code, answer.json()["n_images"]) == (201, 3)
    file = io.BytesIO()
    np.savez(file, images=stack, labels=np.array([1, 0, 1]))
    answer = post(
        service, (file.getvalue()[i : i + 99] for i in range(0, 9999, 99)), "application/x-npz"
    )
    assert (answer.status_code, answer.json()["classes"]) == (201, ["0", "1"])
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for i, image in enumerate(stack):
            png = io.BytesIO()
            Image.fromarray(image).save(png, "PNG")
            member = tarfile.TarInfo(f"{i}.png")
            member.size = len(png.getvalue())
            archive.addfile(member, io.BytesIO(png.getvalue()))
    answer = post(service, gzip.compress(file.getvalue()), "application/gzip")
    assert (answer.status_code, answer.json()["n_images"]) == (201, 3)


def test_images_in_pages_and_as_png(service: Service, dataset: Dataset) -> None:
    path = f"{PATH}/{dataset.id}/images"
    first = service.http.get(path, params={"limit": 3}).json()
    rest = service.http.get(path, params={"cursor": first["next_cursor"]}).json()
    images = first["items"] + rest["items"]
    assert [image["name"] for image in images] == ["a/0.png", "b/1.png", "a/2.png", "=b/3.png"]
    assert [image["truth"] for image in images] == ["a", "b", "a", "b"]
    assert (first["total"], rest["next_cursor"]) == (4, None)
    answer = service.http.get(images[1]["links"]["png"])
    assert answer.headers["content-type"] == "image/png"
    pixels = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert pixels.tolist() == np.arange(64, 128).reshape(8, 8).tolist()
    assert service.http.head(images[1]["links"]["png"]).headers["etag"] == answer.headers["etag"]
    service.problem(service.http.get(f"{path}/4"), 404, "not-found")
    service.problem(service.http.get(f"{path}/-1"), 422, "invalid-request")
    service.problem(service.http.get(path, params={"cursor": "IQ"}), 422, "invalid-cursor")


def test_a_thousand_images_make_a_page_and_none_is_left_of_a_deleted_set(service: Service) -> None:
    stack = np.random.default_rng(0).integers(0, 256, (1003, 8, 8), dtype=np.uint8)
    file = io.BytesIO()
    np.save(file, stack)
    made = post(service, file.getvalue(), "application/x-npy").json()
    path = made["links"]["images"]
    first = service.http.get(path, params={"limit": 5000}).json()
    assert [image["index"] for image in first["items"]] == list(range(1000))
    rest = service.http.get(path, params={"cursor": first["next_cursor"]}).json()
    assert [image["index"] for image in rest["items"]] == [1000, 1001, 1002]
    last = service.http.get(rest["items"][-1]["links"]["png"])
    assert np.asarray(Image.open(io.BytesIO(last.content))).tolist() == stack[1002].tolist()
    assert service.http.delete(f"{PATH}/{made['id']}").status_code == 200
    for suffix in ("", "/0"):
        service.problem(service.http.get(f"{path}{suffix}"), 410, "gone")


def test_feature_vectors_have_names_and_truth_but_no_picture(service: Service) -> None:
    rows = np.random.default_rng(0).normal(0, 9, (3, 7))
    file = io.BytesIO()
    np.savez(file, features=rows, labels=np.array([1, 0, 1]), names=np.array(["x", "y", "z"]))
    answer = post(service, file.getvalue(), "application/x-npz")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["kind"], made["dimension"], made["notices"]) == ("features", 7, [])
    images = service.http.get(made["links"]["images"]).json()["items"]
    assert [(i["name"], i["truth"], i["links"]) for i in images] == [
        *(("x", "1", {}), ("y", "0", {}), ("z", "1", {})),
    ]
    answer = service.http.get(f"{made['links']['images']}/0")
    assert "7 numbers" in service.problem(answer, 404, "no-picture")["detail"]


def test_how_an_array_is_read_is_part_of_the_identity(service: Service) -> None:
    data = npy(np.random.default_rng(1).normal(0, 9, (3, 7)))
    guessed = post(service, data, "application/x-npy").json()
    assert [notice["code"] for notice in guessed["notices"]] == ["read-as-features"]
    said = post(service, data, "application/x-npy", kind="features").json()
    assert (said["options"], said["notices"]) == ({"kind": "features"}, [])
    form = {"file": ("rows.npy", data, "application/x-npy")}
    again = service.http.post(PATH, data={"kind": "features"}, files=form)
    assert (again.status_code, again.json()) == (200, said)
    with service.unchanged():
        answer = post(service, data, "application/x-npy", kind="images")
        assert "kind=features" in service.problem(answer, 422, "bad-shape")["detail"]


def test_data_sets_in_pages(service: Service) -> None:
    made = [add_dataset(service.context, ["0", "1"]).id for _ in range(3)]
    newest = service.http.get(PATH, params={"limit": 2}).json()
    assert [item["id"] for item in newest["items"]] == made[:0:-1]
    older = service.http.get(PATH, params={"limit": 1, "cursor": newest["next_cursor"]}).json()
    assert [item["id"] for item in older["items"]] == made[:1]


def test_a_data_set_is_kept_while_a_job_needs_it(
    service: Service, dataset: Dataset, submitted: dict[str, Any]
) -> None:
    path = f"{PATH}/{dataset.id}"
    with service.unchanged():
        service.problem(service.http.delete(path), 409, "dataset-in-use")
    service.http.post(f"/v1/jobs/{submitted['id']}/cancel")
    assert service.http.delete(path).status_code == 200
    assert not any(dataset.id in file for file in service.files)
    for suffix in ("", "/images", "/images/0"):
        service.problem(service.http.get(path + suffix), 410, "gone")
    service.problem(service.http.delete(path), 410, "gone")
    service.problem(service.http.get(f"{PATH}/ds_none"), 404, "not-found")
    service.problem(service.http.delete(f"{PATH}/ds_none"), 404, "not-found")


def test_two_uploads_of_the_same_bytes_at_once_make_one_data_set(service: Service) -> None:
    data, answers = png_zip(seed=3), []
    threads = [
        threading.Thread(target=lambda: answers.append(post(service, data, "application/zip")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {200, 201}
    made = {answer.json()["id"] for answer in answers}
    assert len(made) == 1
    held = {Path(file).parent.name for file in service.files if "datasets" in file}
    assert held == set(service.rows[0])


def test_a_data_set_whose_row_was_written_keeps_its_files_though_the_answer_was_lost(
    service: Service,
) -> None:
    def lose_answer(connection: Connection) -> None:
        connection.connection.commit()
        raise OperationalError("COMMIT", {}, ConnectionResetError("the connection was lost"))

    data, engine = png_zip(seed=4), service.context.store.database.engine
    event.listen(engine, "commit", lose_answer)
    try:
        lost = post(service, data, "application/zip")
    finally:
        event.remove(engine, "commit", lose_answer)
    service.problem(lost, 503, "service-not-ready")
    again = post(service, data, "application/zip")
    assert again.status_code == 200, again.text
    folder = service.context.artifacts.path(f"datasets/{again.json()['id']}")
    assert sorted(p.name for p in folder.iterdir()) == ["index.json", "pixels.npy"]


@pytest.mark.parametrize("folder", ["artifacts", "scratch"])
def test_a_full_disk_refuses_an_upload_and_nothing_stays(tmp_path: Path, folder: str) -> None:
    with closing(Volume(tmp_path / folder)) as volume:
        if volume.missing:
            pytest.skip(volume.missing)
        with serving(Settings(data_dir=tmp_path)) as service:
            with service.unchanged(), volume.full():
                refused = post(service, png_zip(), "application/zip")
                service.problem(refused, 507, "storage-full")
            assert post(service, png_zip(), "application/zip").status_code == 201


def test_a_client_that_leaves_leaves_nothing(service: Service) -> None:
    head = "POST /v1/datasets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/zip\r\n"
    address = ("127.0.0.1", service.port)
    with service.unchanged(), socket.create_connection(address) as connection:
        connection.sendall(f"{head}Content-Length: 4000000\r\n\r\n".encode() + bytes(2_000_000))
        wait_until(lambda: any("upload-" in file for file in service.files))
        connection.close()


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = Settings(data_dir=tmp_path_factory.mktemp("narrow"), max_upload_bytes=100_000)
    with serving(settings) as running:
        yield running


def test_uploads_above_the_limit(narrow: Service) -> None:
    large = bytes(200_000)
    with narrow.unchanged():
        declared = narrow.http.post(PATH, content=large, headers=ZIP)
        chunked = narrow.http.post(PATH, content=iter([large]), headers=ZIP)
        form = narrow.http.post(PATH, files={"file": ("x.zip", large)})
        endless = narrow.http.post(
            PATH,
            data={str(i): "x" * 900 for i in range(19)},
            files={"file": ("x.zip", bytes(100_001))},
        )
        for answer in (declared, chunked, form, endless):
            problem = narrow.problem(answer, 413, "too-large")
            assert problem["limit_bytes"] == 100_000


def test_a_declared_size_above_the_limit_is_refused_before_the_body(narrow: Service) -> None:
    head = "POST /v1/datasets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100001\r\n\r\n"
    with socket.create_connection(("127.0.0.1", narrow.port)) as connection:
        connection.settimeout(30)
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
