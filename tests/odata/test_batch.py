"""Several questions in one request, as parts of MIME or as JSON: each with an answer of its own."""

from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from tests.odata.conftest import Odata, check_error
from tests.odata.test_reading import uid_of

PARTS = ("GET batches?$select=code&$top=1 HTTP/1.1", "GET /odata/lots/$count HTTP/1.1")


def write_parts(*lines: str) -> bytes:
    """Give a body of GETs, as Power Query and SAP's client write one."""
    parts = [
        f"--b1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n{line}\r\n"
        "Accept: application/json\r\n\r\n\r\n"
        for line in lines
    ]
    return ("".join(parts) + "--b1--\r\n").encode()


def send_parts(odata: Odata, *lines: str, prefer: str = "", key: str = "all") -> list[tuple[int, str]]:
    """Give status and body of each part of the answer."""
    headers = {"Content-Type": "multipart/mixed; boundary=b1", "X-API-Key": odata.keys[key], "Prefer": prefer}
    response = odata.client.post("/$batch", content=write_parts(*lines), headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["OData-Version"] == "4.0"
    head = f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode()
    found: list[tuple[int, str]] = []
    for part in BytesParser(policy=HTTP).parsebytes(head + response.content).iter_parts():
        assert part.get_content_type() == "application/http"
        payload: Any = part.get_payload(decode=True)
        told, _, body = payload.decode().partition("\r\n\r\n")
        found.append((int(told.split(" ")[1]), body.removesuffix("\r\n")))
    return found


def send_json(odata: Odata, *requests: dict[str, Any], prefer: str = "", key: str = "all") -> list[Any]:
    headers = {"X-API-Key": odata.keys[key], "Prefer": prefer}
    response = odata.client.post("/$batch", json={"requests": list(requests)}, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()["responses"]


def get(id: str, url: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "method": "GET", "url": url, **more}


def test_parts_are_answered_as_if_each_came_by_itself(odata: Odata) -> None:
    (one, other) = send_parts(odata, *PARTS)
    assert one == (200, odata.ask("/batches", select="code", top=1).text)
    assert other == (200, odata.ask("/lots/$count").text)
    whole = "GET http://testserver/odata/batches/$count?$filter=code%20eq%20'B26-0117' HTTP/1.1"
    assert send_parts(odata, whole) == [(200, "1")]


def test_requests_in_json_are_answered_in_json(odata: Odata) -> None:
    first, second = send_json(odata, get("1", "batches?$select=code&$top=1"), get("b", "/odata/lots/$count"))
    assert first["id"] == "1"
    assert first["status"] == 200
    assert first["body"] == odata.get("/batches", select="code", top=1)
    assert (second["id"], second["status"], second["body"]) == ("b", 200, odata.ask("/lots/$count").text)


def test_the_first_error_ends_a_batch_unless_it_shall_go_on(odata: Odata) -> None:
    lines = ("GET nope HTTP/1.1", PARTS[1])
    assert [status for status, _ in send_parts(odata, *lines)] == [404]
    assert [status for status, _ in send_parts(odata, *lines, prefer="odata.continue-on-error")] == [404, 200]
    requests = (get("1", "batches?$filter=x"), get("2", "lots", dependsOn=["1"]), get("3", "lots/$count"))
    assert [one["status"] for one in send_json(odata, *requests)] == [400]
    told = send_json(odata, *requests, prefer="continue-on-error")
    assert [one["status"] for one in told] == [400, 424, 200]
    assert "message" in told[0]["body"]["error"]


def test_changes_do_not_stand_in_a_batch(odata: Odata) -> None:
    assert send_parts(odata, "DELETE batches('x') HTTP/1.1")[0][0] == 405
    changes = b"--b1\r\nContent-Type: multipart/mixed; boundary=c1\r\n\r\n--c1--\r\n--b1--\r\n"
    headers = {"Content-Type": "multipart/mixed; boundary=b1"}
    answer = odata.client.post("/$batch", content=changes, headers=headers).text
    assert "HTTP/1.1 501" in answer
    assert "a change set is not offered" in answer
    (one,) = send_json(odata, get("1", "batches", atomicityGroup="g"))
    assert one["status"] == 501


def test_a_part_sees_what_the_key_sees_and_no_other_address(odata: Odata) -> None:
    other = uid_of(odata, code="BASEL-B1")
    assert send_parts(odata, f"GET batches('{other}') HTTP/1.1", key="cork")[0][0] == 404
    assert send_parts(odata, "GET /v1/batches HTTP/1.1", key="cork")[0][0] == 400
    assert send_parts(odata, "GET ../v1/sources HTTP/1.1")[0][0] == 400
    assert send_parts(odata, "GET http://elsewhere.example/odata/lots HTTP/1.1")[0][0] == 400


def test_a_batch_that_cannot_be_read_is_an_error_document(odata: Odata) -> None:
    def refused(status: int, **sent: Any) -> str:
        response = odata.client.post("/$batch", **sent)
        assert response.status_code == status, response.text
        return check_error(response)["message"]

    assert "multipart/mixed or application/json" in refused(415, content=b"x")
    assert "not JSON" in refused(400, content=b"{", headers={"Content-Type": "application/json"})
    assert "requests" in refused(400, json=[])
    assert "id, method and url" in refused(400, json={"requests": [{"id": 1}]})
    assert "at most 10" in refused(400, json={"requests": [get(str(n), "lots") for n in range(11)]})
    assert "id of its own" in refused(400, json={"requests": [get("1", "lots"), get("1", "lots")]})
    assert "stand before" in refused(400, json={"requests": [get("1", "lots", dependsOn=["2"])]})
    assert "boundary" in refused(400, content=b"x", headers={"Content-Type": "multipart/mixed"})
    refused(413, content=b"x" * 1_100_000, headers={"Content-Type": "application/json"})
    assert odata.ask("/$batch").status_code == 405


def test_the_parts_of_a_batch_see_one_moment(odata: Odata) -> None:
    found = send_json(odata, get("1", "batches?$top=1"), get("2", "lots?$top=1"))
    assert len({one["headers"]["known-at"] for one in found}) == 1
