"""The fetch step by itself: `par-lifecycle step fetch` against servers that behave, and others."""

from __future__ import annotations

import email.utils
import hashlib
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest
from support.byte_server import (
    Answer,
    Authority,
    ByteServer,
    answer,
    endless,
    head,
    ranged,
    raw,
    reset,
    silent,
    trickle,
)
from support.program import DEADLINE, PROGRAM, inherited_environment

BODY = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(BODY).hexdigest()
PREFIX = "Failed to download package: "
_SETTINGS = ("AWS_", "SSL_CERT", "CURL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class Step:
    """One run of the step; its lines are read to the end by `result`."""

    def __init__(self, request: dict[str, Any], environment: dict[str, str]) -> None:
        self.request = request
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(PROGRAM), "step", "fetch"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.close()
        self.process.stdin = None
        self.lines: list[dict[str, Any]] = []

    def result(self, deadline: float = DEADLINE) -> dict[str, Any]:
        output, errors = self.process.communicate(timeout=deadline)
        self.took = time.monotonic() - self.started
        assert errors == b"", errors
        self.text = output.decode()
        self.lines = [json.loads(line) for line in self.text.splitlines()]
        last = self.lines[-1]
        assert self.process.returncode == (0 if "ok" in last else 1), self.text
        assert all("progress" in line or "retry" in line for line in self.lines[:-1]), self.text
        return last

    def ok(self) -> dict[str, Any]:
        last = self.result()
        assert "ok" in last, self.text
        package = last["ok"]
        data = Path(package["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == package["sha256"]
        assert len(data) == package["bytes"]
        assert Path(package["path"]).stat().st_mode & 0o777 == 0o600
        return package

    def failure(self) -> dict[str, Any]:
        last = self.result()
        assert "failure" in last, self.text
        failure = last["failure"]
        assert failure["error"].startswith((PREFIX, "SHA256 mismatch: ")), failure
        assert "docs/errors.md#" in failure["hint"]
        return failure

    @property
    def retries(self) -> list[dict[str, Any]]:
        return [line["retry"] for line in self.lines if "retry" in line]


class Fetcher:
    def __init__(self, folder: Path, authority: Authority) -> None:
        self.cache = folder / "cache"
        self.archives = self.cache / "archives"
        self.authority = authority
        self.steps: list[Step] = []
        self.servers: list[ByteServer] = []

    def serve(self, *answers: Answer, tls: bool = True, **options: Any) -> ByteServer:
        context = self.authority.server_context() if tls else None
        self.servers.append(ByteServer(*answers, **{"context": context, **options}))
        return self.servers[-1]

    def start(
        self, url: str, sha256: Optional[str] = None, max_bytes: int = 10 << 20,
        timeout: float = 20, run_id: str = "run-1", cache: Optional[Path] = None,
        environment: Optional[dict[str, str]] = None,
    ) -> Step:  # fmt: skip
        request = {
            "url": url, "sha256": sha256, "max_bytes": max_bytes,
            "timeout_ms": int(timeout * 1000), "cache_folder": str(cache or self.cache),
            "run_id": run_id, "cache_max_bytes": None,
        }  # fmt: skip
        inherited = {
            name: value for name, value in inherited_environment().items()
            if not name.upper().startswith(_SETTINGS)
        }  # fmt: skip
        variables = {"SSL_CERT_FILE": str(self.authority.file), **(environment or {})}
        self.steps.append(Step(request, {**inherited, **variables}))
        return self.steps[-1]

    def names(self, prefix: str = "") -> list[str]:
        return sorted(one.name for one in self.archives.glob(prefix + "*"))

    def temporaries(self) -> list[str]:
        return self.names("tmp-") + self.names("lock-")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def fetch(tmp_path: Path, authority: Authority) -> Iterator[Fetcher]:
    fetcher = Fetcher(tmp_path, authority)
    yield fetcher
    for step in fetcher.steps:
        if step.process.poll() is None:
            step.process.kill()
            step.process.communicate()
    for server in fetcher.servers:
        server.close()


# --- what goes well ---


def test_a_package_arrives_with_its_hash(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY, ETag='"one"'))
    step = fetch.start(server.base + "/a.apkg?token=secret")
    package = step.ok()
    assert package["sha256"] == SHA256 and package["from"] == "network"
    assert package["path"] == str(fetch.archives / f"sha256-{SHA256}.apkg")
    assert "secret" not in step.text
    request = server.requests[0]
    assert request.target == "/a.apkg?token=secret"
    assert request.fields["accept-encoding"] == "identity"
    assert request.fields["user-agent"] == "par-lifecycle"
    assert {"range", "if-none-match", "cookie", "authorization"}.isdisjoint(request.fields)
    assert fetch.temporaries() == []


def test_a_pinned_hash_in_the_cache_needs_no_network_and_no_libcurl(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY))
    assert fetch.start(server.base + "/a", SHA256).ok()["from"] == "network"
    server.close()
    trace = {"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(fetch.cache / "trace")}
    assert fetch.start(server.base + "/a", SHA256, environment=trace).ok()["from"] == "cache"
    opened = "".join(one.read_text() for one in fetch.cache.glob("trace.*"))
    assert "libcrypto" in opened and "libcurl" not in opened
    assert len(server.requests) == 1


def test_an_unchanged_etag_uses_the_cache(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY, ETag='"one"'), answer(304, ETag='"one"'))
    fetch.start(server.base + "/a?X-Amz-Signature=1&v=2").ok()
    package = fetch.start(server.base + "/a?v=2&X-Amz-Signature=3").ok()
    assert package["from"] == "cache" and package["sha256"] == SHA256
    assert server.requests[1].fields["if-none-match"] == '"one"'
    assert "x-amz-signature" in server.requests[1].target.lower()


def test_a_changed_package_is_downloaded_anew(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY, ETag='"one"'), answer(200, b"two", ETag='"two"'))
    fetch.start(server.base + "/a").ok()
    assert fetch.start(server.base + "/a").ok()["bytes"] == 3
    assert len(fetch.names("sha256-")) == 2


def test_a_damaged_archive_in_the_cache_is_downloaded_anew(fetch: Fetcher) -> None:
    server = fetch.serve(
        answer(200, BODY, ETag='"one"'), answer(304, ETag='"one"'), answer(200, BODY, ETag='"one"')
    )
    path = Path(fetch.start(server.base + "/a").ok()["path"])
    path.write_bytes(b"damaged")
    assert fetch.start(server.base + "/a").ok()["from"] == "network"
    assert path.read_bytes() == BODY
    path.write_bytes(b"damaged")
    assert fetch.start(server.base + "/a", SHA256).ok()["from"] == "network"
    assert "if-none-match" not in server.requests[-1].fields


def test_a_body_that_only_the_connection_ended_is_not_asked_about_again(fetch: Fetcher) -> None:
    """It may be cut off, and with its ETag it would stay so for ever."""

    def cut_off(connection: Any, request: Any) -> None:
        connection.sendall(head(200, ETag='"one"') + BODY[:1000])
        connection.unwrap()  # as a server does that ends in good order

    server = fetch.serve(cut_off, answer(200, BODY, ETag='"one"'))
    assert fetch.start(server.base + "/a").ok()["bytes"] == 1000
    assert fetch.start(server.base + "/a").ok()["sha256"] == SHA256
    assert "if-none-match" not in server.requests[1].fields


def test_a_record_that_cannot_be_written_is_no_failure(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY, ETag='"one"'))
    fetch.start(server.base + "/a").ok()
    record = fetch.archives / fetch.names("url-")[0]
    record.unlink()
    record.mkdir()
    assert fetch.start(server.base + "/a").ok()["from"] == "network"
    assert fetch.temporaries() == []


def test_a_body_without_a_length_and_in_chunks(fetch: Fetcher) -> None:
    chunked = b"".join(
        b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (BODY[:1000], BODY[1000:])
    )
    server = fetch.serve(
        raw(head(200, Transfer_Encoding="chunked"), chunked + b"0\r\n\r\n"),
    )
    assert fetch.start(server.base + "/a").ok()["sha256"] == SHA256


def test_a_content_encoding_is_not_decoded(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY, Content_Encoding="gzip"))
    assert fetch.start(server.base + "/a", SHA256).ok()["bytes"] == len(BODY)


def test_an_empty_package_is_a_package(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, b""))
    assert fetch.start(server.base + "/a").ok()["bytes"] == 0


def test_a_timeout_of_years(fetch: Fetcher) -> None:
    server = fetch.serve(answer(503), answer(200, BODY))
    fetch.start(server.base + "/a", timeout=1e9).ok()


def test_progress_is_told_with_the_total(fetch: Fetcher) -> None:
    def slowly(connection: Any, request: Any) -> None:
        connection.sendall(head(200, Content_Length=len(BODY)))
        for start in range(0, len(BODY), len(BODY) // 8):
            connection.sendall(BODY[start : start + len(BODY) // 8])
            time.sleep(0.2)

    step = fetch.start(fetch.serve(slowly).base + "/a")
    step.ok()
    first, *progress = [line["progress"] for line in step.lines[:-1]]
    assert first.startswith("waiting for https://127.0.0.1:")
    assert 1 <= len(progress) <= 2 * step.took + 1
    assert all(one.endswith(f" of {len(BODY)} bytes") for one in progress)


# --- what can pass ---


@pytest.mark.parametrize(
    "fault",
    [
        answer(500), answer(502), answer(503, b"x" * 100000), answer(504), answer(408), answer(425),
        answer(429), raw(), reset(), reset(head(200, Content_Length=len(BODY)) + BODY[:1000]),
        raw(head(200, Content_Length=len(BODY)), BODY[:-1]), raw(b"HTTP/1.1 200"), raw(b"hello"),
        raw(head(200, Transfer_Encoding="chunked"), b"5\r\nhello\r\nzz\r\n"),
        raw(head(200, Transfer_Encoding="chunked"), b"5\r\nhello\r\n"), raw(head(503)),
    ],
    ids=[
        "500", "502", "503-long", "504", "408", "425", "429", "closed", "reset", "reset-in-body",
        "truncated", "truncated-head", "no-http", "bad-chunk", "chunks-cut", "503-bare",
    ],
)  # fmt: skip
def test_what_can_pass_is_tried_again(fetch: Fetcher, fault: Answer) -> None:
    server = fetch.serve(fault, fault, answer(200, BODY))
    step = fetch.start(server.base + "/a", SHA256)
    step.ok()
    assert [one["attempt"] for one in step.retries] == [1, 2], step.text
    assert len(server.requests) == 3
    assert fetch.temporaries() == []


def test_retry_after_is_waited_for(fetch: Fetcher) -> None:
    server = fetch.serve(answer(503, Retry_After=1), answer(200, BODY))
    step = fetch.start(server.base + "/a")
    step.ok()
    assert server.requests[1].at - server.requests[0].at >= 1
    assert step.retries[0]["delay_ms"] == 1000


def test_retry_after_as_a_date(fetch: Fetcher) -> None:
    date = email.utils.formatdate(time.time() + 2, usegmt=True)
    server = fetch.serve(answer(429, Retry_After=date), answer(200, BODY))
    step = fetch.start(server.base + "/a")
    step.ok()
    assert 500 <= step.retries[0]["delay_ms"] <= 2000


def test_a_retry_after_beyond_the_timeout_is_not_waited_for(fetch: Fetcher) -> None:
    server = fetch.serve(answer(503, Retry_After=120))
    step = fetch.start(server.base + "/a")
    error = step.failure()["error"]
    assert error == (
        PREFIX + f"fetching would take longer than 20 s; last: HTTP 503 from 127.0.0.1:{server.port}"
    )
    assert step.took < 5


def test_a_broken_download_goes_on_where_it_ended(fetch: Fetcher) -> None:
    server = fetch.serve(ranged(BODY, cut=300_000), ranged(BODY, cut=300_000), ranged(BODY))
    step = fetch.start(server.base + "/a", SHA256)
    step.ok()
    ranges = [request.fields.get("range") for request in server.requests]
    assert ranges == [None, "bytes=300000-", "bytes=600000-"]
    assert all(r.fields["if-range"] == '"one"' for r in server.requests[1:])


def test_a_server_that_knows_no_ranges_starts_again(fetch: Fetcher) -> None:
    whole = answer(200, BODY, ETag='"one"')
    server = fetch.serve(ranged(BODY, cut=300_000), whole)
    assert fetch.start(server.base + "/a").ok()["sha256"] == SHA256
    assert "range" in server.requests[1].fields


def test_a_weak_etag_starts_again(fetch: Fetcher) -> None:
    server = fetch.serve(ranged(BODY, etag='W/"one"', cut=300_000), ranged(BODY, etag='W/"one"'))
    fetch.start(server.base + "/a", SHA256).ok()
    assert "range" not in server.requests[1].fields


@pytest.mark.parametrize(
    "second",
    [
        answer(416, Content_Range="bytes */5"),
        answer(412),
        answer(206, BODY[5:], ETag='"two"', Content_Range=f"bytes 5-{len(BODY) - 1}/{len(BODY)}"),
        answer(206, BODY[5:], ETag='"one"', Content_Range=f"bytes 5-{len(BODY) - 1}/{len(BODY)}"),
        answer(206, b"", ETag='"one"'),
        answer(206, BODY[300_000:], ETag='"one"', Content_Range="bytes 300000-1048575/1048577"),
    ],
    ids=["416", "412", "other-etag", "other-start", "no-range", "other-total"],
)
def test_a_range_that_does_not_fit_starts_again(fetch: Fetcher, second: Answer) -> None:
    server = fetch.serve(ranged(BODY, cut=300_000), second, ranged(BODY))
    fetch.start(server.base + "/a", SHA256).ok()
    assert "range" in server.requests[1].fields and "range" not in server.requests[2].fields


def test_a_package_that_changes_in_the_middle_is_one_of_both(fetch: Fetcher) -> None:
    other = bytes(reversed(BODY))
    server = fetch.serve(ranged(BODY, cut=300_000), ranged(other, etag='"two"'))
    assert fetch.start(server.base + "/a").ok()["sha256"] == hashlib.sha256(other).hexdigest()


def test_who_stalls_is_given_up_and_asked_again(fetch: Fetcher, tmp_path: Path) -> None:
    """All at once, because each takes as long as a bound of the program."""
    good = answer(200, BODY)
    silence = fetch.serve(silent, good)
    drops = fetch.serve(trickle(b"x" * 1000, 0.5), good)
    deaf = socket.create_server(("127.0.0.1", 0))  # connections stay in its queue
    mute = fetch.serve(silent, answer(200, b'{"AccessKeyId":"A","SecretAccessKey":"B","Token":"C",'
                                      b'"Expiration":"2099-01-01T00:00:00Z"}'), tls=False)  # fmt: skip
    store = fetch.serve(good, tls=False)
    environment = {
        "AWS_ENDPOINT_URL_S3": store.base,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": mute.base + "/credentials",
    }
    slow = "sent less than 1024 bytes a second for 10 s"
    rows = [  # FetchLimits: credentialsTimeout, stallTime, stallTime, connectTimeout
        (fetch.start("s3://bucket/a", cache=tmp_path / "4", environment=environment),
         "no credentials: 127.0.0.1", 5, 9),
        (fetch.start(silence.base + "/a", cache=tmp_path / "1"), slow, 9, 17),
        (fetch.start(drops.base + "/a", cache=tmp_path / "2"), slow, 9, 17),
        (fetch.start(f"https://127.0.0.1:{deaf.getsockname()[1]}/a", cache=tmp_path / "3",
                     timeout=12),
         "did not answer in time", 11.5, 13),
    ]  # fmt: skip
    for step, words, least, most in rows:
        step.result()
        assert words in step.retries[0]["error"], step.text
        assert least <= step.took <= most, (words, step.took)
    assert [("ok" in step.lines[-1]) for step, *_ in rows] == [True, True, True, False]
    deaf.close()


# --- the time-out of the whole ---


@pytest.mark.parametrize(
    "fault, last, anchor",
    [
        (answer(503), "HTTP 503 from", "#download"),
        (silent, "did not answer in time", "#fetch-timeout"),
        (raw(), "without an answer", "#download"),
    ],
    ids=["503", "silent", "closed"],
)
def test_the_timeout_covers_all_attempts(
    fetch: Fetcher, fault: Answer, last: str, anchor: str
) -> None:
    server = fetch.serve(fault)
    step = fetch.start(server.base + "/a", timeout=1.5)
    failure = step.failure()
    assert failure["error"].startswith(PREFIX + "fetching took longer than 1.5 s; last: ")
    assert last in failure["error"]
    assert failure["hint"].endswith(anchor), "what to try is about what failed last"
    assert 1.0 < step.took < 2.5


def test_a_download_that_is_too_slow_says_how_far_it_got(fetch: Fetcher) -> None:
    def slowly(connection: Any, request: Any) -> None:
        connection.sendall(head(200, Content_Length=len(BODY)))
        for start in range(0, len(BODY), 4096):
            connection.sendall(BODY[start : start + 4096])
            time.sleep(0.1)

    server = fetch.serve(slowly)
    step = fetch.start(server.base + "/a", timeout=1.5)
    failure = step.failure()
    assert failure["error"].endswith(f"the answer of 127.0.0.1:{server.port} did not end in time")
    assert failure["detail"].endswith(f" of {len(BODY)} bytes had arrived")
    assert step.took < 2.5


def test_nobody_listens(fetch: Fetcher) -> None:
    server = fetch.serve(silent)
    server.close()
    step = fetch.start(server.base + "/a", timeout=1)
    assert "Connection refused" in step.failure()["error"]
    assert step.retries


def test_a_host_without_an_address(fetch: Fetcher) -> None:
    step = fetch.start("https://no-such-host.invalid/a", timeout=25)
    assert step.failure()["error"] == PREFIX + "the host no-such-host.invalid cannot be found"
    assert len(step.retries) == 5  # FetchLimits.unlikelyAttempts - 1


# --- what cannot pass ---


@pytest.mark.parametrize(
    "status, paragraph",
    [(400, "download"), (401, "download-refused"), (403, "download-refused"),
     (404, "download-not-found"), (410, "download-not-found"), (304, "download"),
     (301, "redirect"), (204, "download"), (451, "download")],
)  # fmt: skip
def test_other_answers_are_final(fetch: Fetcher, status: int, paragraph: str) -> None:
    server = fetch.serve(answer(status))
    step = fetch.start(server.base + "/a?token=secret")
    failure = step.failure()
    assert f"HTTP {status} from 127.0.0.1:{server.port}" in failure["error"]
    assert failure["hint"].endswith("docs/errors.md#" + paragraph)
    assert not step.retries and len(server.requests) == 1
    assert "secret" not in step.text
    assert fetch.names("sha256-") == [] and fetch.temporaries() == []


def test_the_words_of_an_expired_signature_are_told(fetch: Fetcher) -> None:
    body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    failure = fetch.start(fetch.serve(answer(403, body)).base + "/a").failure()
    assert failure["error"].endswith("(AccessDenied)")
    assert failure["detail"] == "Request has expired"


def test_a_download_that_is_refused_is_not_kept(fetch: Fetcher, par: Any) -> None:
    """Else the server would be asked whether it is still the same, and a cut-off one would stay."""
    server = fetch.serve(answer(200, b"no archive", ETag='"one"'))
    variables = {"PACKAGE_URL": server.base + "/a?sig=a-bare-signature",
        "PAR_CACHE_DIR": fetch.cache, "SSL_CERT_FILE": fetch.authority.file}  # fmt: skip
    run = par(**variables)
    assert run.exit() == 1
    assert "is refused" in run.wait("boot_failed")["error"]
    assert fetch.names("sha256-") == []
    assert par(**variables).exit() == 1
    assert "if-none-match" not in server.requests[1].fields


def test_what_a_server_quotes_of_a_signature_is_not_logged(fetch: Fetcher, par: Any) -> None:
    body = b"<Error><Code>Bad</Code><Message>it is a-bare/signature</Message></Error>"
    server = fetch.serve(answer(403, body))
    run = par(
        PACKAGE_URL=server.base + "/a?sig=a-bare%2Fsignature", PAR_CACHE_DIR=fetch.cache,
        SSL_CERT_FILE=fetch.authority.file,
    )  # fmt: skip
    assert run.exit() == 1
    assert run.wait("boot_failed")["detail"] == "it is ***"


def test_only_a_word_of_an_answer_is_put_into_the_sentence(fetch: Fetcher) -> None:
    body = "<Error><Code>see https://h/a?token=x</Code><Message>a\u202eb</Message></Error>"
    server = fetch.serve(answer(403, body.encode()))
    failure = fetch.start(server.base + "/a").failure()
    assert failure["error"] == PREFIX + f"HTTP 403 from 127.0.0.1:{server.port}"
    assert failure["detail"] == "a b"


def test_a_wrong_hash_is_final(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY))
    wanted = "0" * 64
    step = fetch.start(server.base + "/a.apkg?token=secret", wanted)
    error = step.failure()["error"]
    assert error == (
        f"SHA256 mismatch: the package from {server.base}/a.apkg has {SHA256},"
        f" PACKAGE_SHA256 says {wanted}"
    )
    assert len(server.requests) == 1
    assert fetch.names("sha256-") == [] and fetch.temporaries() == []


@pytest.mark.parametrize(
    "fault",
    [
        answer(200, BODY),
        endless,
        raw(head(200, Transfer_Encoding="chunked"), b"100000\r\n" + BODY),
    ],
    ids=["length", "endless", "chunked"],
)
def test_what_is_too_large_is_cut_off(fetch: Fetcher, fault: Answer) -> None:
    server = fetch.serve(fault)
    step = fetch.start(server.base + "/a", max_bytes=500_000)
    failure = step.failure()
    assert "MAX_PACKAGE_SIZE_MB allows 500000" in failure["error"]
    assert failure["hint"].endswith("#package-too-large")
    assert len(server.requests) == 1 and not step.retries
    assert fetch.names("sha256-") == [] and fetch.temporaries() == []


def test_a_package_of_just_the_largest_size(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY))
    fetch.start(server.base + "/a", max_bytes=len(BODY)).ok()


def test_a_package_in_the_cache_obeys_the_size_too(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY))
    fetch.start(server.base + "/a", SHA256).ok()
    assert "MAX_PACKAGE_SIZE_MB" in fetch.start(server.base, SHA256, max_bytes=5).failure()["error"]


def test_a_head_without_end(fetch: Fetcher) -> None:
    server = fetch.serve(raw(b"HTTP/1.1 200 X\r\n" + b"A: %s\r\n" % (b"b" * 1000) * 70))
    assert "head is longer than 65536 bytes" in fetch.start(server.base + "/a").failure()["error"]


def test_a_certificate_of_an_unknown_authority(fetch: Fetcher, tmp_path: Path) -> None:
    server = fetch.serve(answer(200, BODY))
    other = Authority(tmp_path)
    step = fetch.start(server.base + "/a", environment={"SSL_CERT_FILE": str(other.file)})
    failure = step.failure()
    assert f"the certificate of 127.0.0.1:{server.port} is not trusted" in failure["error"]
    assert failure["hint"].endswith("#certificate")
    assert not step.retries and not server.requests


def test_a_certificate_of_another_host(fetch: Fetcher) -> None:
    context = fetch.authority.server_context("example.com")
    server = fetch.serve(answer(200, BODY), context=context)
    assert "is not trusted" in fetch.start(server.base + "/a").failure()["error"]


def test_a_missing_file_of_certificates_is_named(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY))
    step = fetch.start(server.base + "/a", environment={"SSL_CERT_FILE": "/no/such/file"})
    assert "/no/such/file (SSL_CERT_FILE)" in step.failure()["error"]


def test_tls_1_1_is_refused(fetch: Fetcher) -> None:
    context = fetch.authority.server_context()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    server = fetch.serve(answer(200, BODY), context=context)
    step = fetch.start(server.base + "/a")
    assert "no TLS connection to" in step.failure()["error"]
    assert not step.retries


def test_without_libcurl_it_says_so(fetch: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "libcurl.so.4").write_bytes(b"no library")
    step = fetch.start(
        "https://127.0.0.1:1/a", environment={"LD_LIBRARY_PATH": str(tmp_path)}
    )
    failure = step.failure()
    assert failure["error"] == PREFIX + "libcurl (libcurl.so.4) is not installed"
    assert failure["hint"].endswith("docs/errors.md#libcurl")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_folder_that_cannot_be_written(fetch: Fetcher, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    step = fetch.start(fetch.serve(answer(200, BODY)).base, cache=folder)
    assert "cannot be written (Permission denied)" in step.failure()["error"]


def test_a_cache_folder_that_is_a_file(fetch: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    step = fetch.start(fetch.serve(answer(200, BODY)).base, cache=tmp_path / "file")
    failure = step.failure()
    assert "cannot be written (Not a directory)" in failure["error"]
    assert failure["hint"].endswith("#cache-folder")


def test_a_full_disk(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY))
    # RLIMIT_FSIZE: the write fails with EFBIG, which is treated as ENOSPC is.
    request = {
        "url": server.base + "/a", "sha256": None, "max_bytes": 10 << 20, "timeout_ms": 20000,
        "cache_folder": str(fetch.cache), "run_id": "full", "cache_max_bytes": None,
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", 'trap "" XFSZ; ulimit -f 100; exec "$0" step fetch', str(PROGRAM)],
        input=json.dumps(request).encode() + b"\n", capture_output=True, timeout=DEADLINE,
        env={**inherited_environment(), "SSL_CERT_FILE": str(fetch.authority.file)},
    )  # fmt: skip
    failure = json.loads(done.stdout.splitlines()[-1])["failure"]
    assert "the disk is full" in failure["error"] and failure["hint"].endswith("#disk-full")
    assert fetch.names("sha256-") == [] and fetch.names("tmp-full") == []


# --- redirects ---


def redirect(location: str, status: int = 302) -> Answer:
    return answer(status, b"elsewhere", Location=location)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(fetch: Fetcher, status: int) -> None:
    target = fetch.serve(answer(200, BODY))
    server = fetch.serve(redirect(target.base + "/b c?d=e#f", status))
    assert fetch.start(server.base + "/a").ok()["sha256"] == SHA256
    assert target.requests[0].target == "/b%20c?d=e"


def test_a_relative_redirect(fetch: Fetcher) -> None:
    server = fetch.serve(redirect("../b?x=1"), redirect("//127.0.0.1:{port}/c"), answer(200, BODY))
    server.answers[1] = redirect(f"//127.0.0.1:{server.port}/c")
    fetch.start(server.base + "/d/e/a").ok()
    assert [request.target for request in server.requests] == ["/d/e/a", "/d/b?x=1", "/c"]


def test_user_info_goes_to_its_own_host_alone(fetch: Fetcher) -> None:
    target = fetch.serve(answer(200, BODY))
    server = fetch.serve(redirect("/b"), redirect(target.base.replace("//", "//eve:hers@") + "/c"))
    step = fetch.start(server.base.replace("//", "//user:secret@") + "/a")
    step.ok()
    sent = [request.fields.get("authorization") for request in server.requests]
    assert sent == ["Basic dXNlcjpzZWNyZXQ="] * 2
    assert "authorization" not in target.requests[0].fields
    assert "secret" not in step.text


def test_redirects_have_an_end(fetch: Fetcher) -> None:
    server = fetch.serve(redirect("/again"))
    assert "more than 5 redirects" in fetch.start(server.base + "/a").failure()["error"]
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "location, part",
    [
        ("http://127.0.0.1/a?token=secret", "leads to http://127.0.0.1, and only https://"),
        ("HTTP://example.com:8080/", "leads to http://example.com"),
        ("ftp://127.0.0.1/a", "leads to ftp://127.0.0.1"),
        ("https://169.254.169.254/latest/meta-data/", "leads to 169.254.169.254"),
        ("https://[fe80::1]/", "leads to [fe80::1]"),
        ("https://[fd00:ec2::254]/", "leads to [fd00:ec2::254]"),
        ("https://0.0.0.0/", "leads to 0.0.0.0"),
        ("https://224.0.0.1/", "leads to 224.0.0.1"),
        ("https://2852039166/", "leads to 169.254.169.254"),
        ("https://[::ffff:169.254.169.254]/", "whose address"),
        ("https://", "no usable URL"),
        ("https://exa mple/", "no usable URL"),
    ],
)
def test_a_redirect_that_nobody_may_follow(fetch: Fetcher, location: str, part: str) -> None:
    server = fetch.serve(redirect(location))
    step = fetch.start(server.base + "/a")
    failure = step.failure()
    assert part in failure["error"]
    assert failure["hint"].endswith("#redirect")
    assert not step.retries
    assert "secret" not in step.text


def test_a_host_with_a_public_address_leads_nowhere_inside(authority: Authority, tmp_path: Path) -> None:
    """In a network of its own, where this machine has public addresses too."""
    helper = Path(__file__).parent / "support/inside_out.py"
    unshare = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    try:
        able = subprocess.run([*unshare, "ip", "link", "set", "lo", "up"], capture_output=True)
    except OSError:
        pytest.skip("unshare and ip are needed")
    if able.returncode != 0:
        pytest.skip("no network of one's own on this system")
    done = subprocess.run(
        [*unshare, sys.executable, str(helper), str(PROGRAM), str(tmp_path)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows, slow, small, full, bare = json.loads(done.stdout)
    problems = [row for row in rows if row["problem"]]
    assert not problems, problems
    assert len(rows) >= 25
    # A name server that does not answer does not keep the step beyond its time.
    assert slow["took"] < 2.5 and "did not answer in time" in slow["error"], slow
    # A disk of 2 MB.
    assert "not enough space: the package needs 2097152 bytes in" in small["error"]
    assert "the disk is full" in full["error"] and "No space left on device" in full["error"]
    assert all(one["hint"].endswith("#disk-full") and not one["left"] for one in (small, full))
    assert "this system has no certificates of trusted authorities" in bare["error"], bare


# --- proxies ---


def tunnel(connection: Any, request: Any) -> None:
    """CONNECT, then bytes both ways."""
    host, _, port = request.target.rpartition(":")
    other = socket.create_connection((host, int(port)))
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    def pump(source: Any, target: Any) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    back = threading.Thread(target=pump, args=(other, connection), daemon=True)
    back.start()
    pump(connection, other)
    back.join()
    other.close()


def test_a_proxy_is_used_and_its_exceptions_are_kept(fetch: Fetcher) -> None:
    server = fetch.serve(answer(200, BODY))
    proxy = fetch.serve(tunnel, tls=False)
    environment = {"HTTPS_PROXY": proxy.base.replace("//", "//user:secret@")}
    step = fetch.start(server.base + "/a", environment=environment)
    step.ok()
    assert [request.method for request in proxy.requests] == ["CONNECT"]
    assert proxy.requests[0].fields["proxy-authorization"].startswith("Basic ")
    assert "proxy-authorization" not in server.requests[0].fields
    assert "secret" not in step.text
    fetch.start(server.base + "/b", environment={**environment, "NO_PROXY": "x, 127.0.0.0/8"}).ok()
    assert len(proxy.requests) == 1


def test_a_proxy_that_is_not_there_is_what_is_named(fetch: Fetcher) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        proxy = f"http://me:hidden@127.0.0.1:{taken.getsockname()[1]}"
        step = fetch.start("https://example.com/a", timeout=1, environment={"https_proxy": proxy})
        error = step.failure()["error"]
    assert "cannot connect to the proxy for example.com (Connection refused)" in error
    assert "hidden" not in step.text


def test_a_proxy_that_closes_is_what_is_named(fetch: Fetcher) -> None:
    proxy = fetch.serve(raw(), tls=False)
    step = fetch.start("https://example.com/a", timeout=1, environment={"https_proxy": proxy.base})
    assert "the proxy for example.com failed (Proxy CONNECT aborted)" in step.failure()["error"]


@pytest.mark.parametrize("status, retried", [(403, False), (407, False), (502, True), (503, True)])
def test_a_proxy_that_refuses(fetch: Fetcher, status: int, retried: bool) -> None:
    proxy = fetch.serve(answer(status), tls=False)
    step = fetch.start(
        "https://example.com/a", timeout=1, environment={"https_proxy": proxy.base}
    )
    failure = step.failure()
    assert f"the proxy answered HTTP {status} when asked for example.com" in failure["error"]
    assert bool(step.retries) == retried


@pytest.mark.parametrize(
    "location",
    ["https://127.0.0.1/", "https://localhost/", "https://10.0.0.1/", "https://[::1]/",
     "https://metadata.google.internal/", "https://printer/"],
)  # fmt: skip
def test_behind_a_proxy_a_name_from_outside_leads_to_no_inner_one(
    fetch: Fetcher, location: str
) -> None:
    inner = fetch.serve(redirect(location), context=fetch.authority.server_context("a.example.com"))

    def through(connection: Any, request: Any) -> None:
        request.target = f"127.0.0.1:{inner.port}"
        tunnel(connection, request)

    proxy = fetch.serve(through, tls=False)
    step = fetch.start("https://a.example.com/a", environment={"https_proxy": proxy.base})
    assert "leads to" in step.failure()["error"]
    assert len(proxy.requests) == 1


# --- several boots, and boots that end ---


def test_boots_of_one_package_share_one_download(fetch: Fetcher) -> None:
    go = threading.Event()

    def slowly(connection: Any, request: Any) -> None:
        connection.sendall(head(200, Content_Length=len(BODY)) + BODY[:1000])
        assert go.wait(DEADLINE)
        connection.sendall(BODY[1000:])

    server = fetch.serve(slowly)
    steps = [fetch.start(server.base + "/a", SHA256, run_id=f"run-{i}") for i in range(4)]
    while not server.requests:
        time.sleep(0.01)
    # Long enough for the others to have said that they wait.
    # The three that wait say so.
    outputs = [step.process.stdout for step in steps]
    end = time.monotonic() + DEADLINE
    while len(select.select(outputs, [], [], 0)[0]) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    go.set()
    results = [step.ok() for step in steps]
    assert sorted(result["from"] for result in results) == ["cache"] * 3 + ["network"]
    assert len(server.requests) == 1
    assert fetch.temporaries() == []


def test_boots_without_a_hash_share_one_download_too(fetch: Fetcher) -> None:
    go = threading.Event()

    def slowly(connection: Any, request: Any) -> None:
        go.wait(1)
        answer(200, BODY)(connection, request)

    server = fetch.serve(slowly)
    steps = [fetch.start(server.base + "/a", run_id=f"run-{i}") for i in range(3)]
    results = [step.ok() for step in steps]
    assert sum(result["from"] == "network" for result in results) == len(server.requests) == 1


def test_what_another_boot_brings_may_be_older_than_this_one(fetch: Fetcher) -> None:
    """A new package is uploaded while another boot still downloads the one before."""
    go = threading.Event()
    newer = BODY[::-1]

    def older(connection: Any, request: Any) -> None:
        connection.sendall(head(200, Content_Length=len(BODY), ETag='"one"') + BODY[:1000])
        assert go.wait(DEADLINE)
        connection.sendall(BODY[1000:])

    server = fetch.serve(older, answer(200, newer, ETag='"two"'))
    first = fetch.start(server.base + "/a", run_id="first")
    while not server.requests:
        time.sleep(0.01)
    second = fetch.start(server.base + "/a", run_id="second")
    assert select.select([second.process.stdout], [], [], DEADLINE)[0], "it says that it waits"
    go.set()
    assert first.ok()["sha256"] == SHA256
    assert second.ok()["sha256"] == hashlib.sha256(newer).hexdigest()
    assert server.requests[1].fields["if-none-match"] == '"one"'


def test_a_neighbour_that_stands_still_is_not_waited_for(fetch: Fetcher) -> None:
    server = fetch.serve(raw_then_wait(BODY[:1000]), answer(200, BODY))
    stopped = fetch.start(server.base + "/a", SHA256, run_id="stopped")
    while not server.requests:
        time.sleep(0.01)
    stopped.process.send_signal(signal.SIGSTOP)
    step = fetch.start(server.base + "/a", SHA256)
    step.ok()
    assert 4.5 < step.took < 9
    assert any("another boot is downloading it" in line.get("progress", "") for line in step.lines)


def raw_then_wait(body: bytes) -> Answer:
    def send(connection: Any, request: Any) -> None:
        connection.sendall(head(200, Content_Length=len(BODY)) + body)
        connection.recv(1)

    return send


def test_what_a_killed_boot_left_goes_with_the_next_one(fetch: Fetcher) -> None:
    server = fetch.serve(raw_then_wait(BODY[:1000]), answer(200, BODY))
    step = fetch.start(server.base + "/a", SHA256, run_id="killed")
    while not server.requests:
        time.sleep(0.01)
    step.process.kill()
    step.process.communicate()
    assert fetch.names("tmp-killed-") and fetch.names("lock-")
    fetch.start(server.base + "/a", SHA256).ok()
    assert fetch.temporaries() == []


# --- S3 ---


CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret/EXAMPLEKEY"}


def test_an_object_of_s3_at_an_endpoint_of_ones_own(fetch: Fetcher) -> None:
    server = fetch.serve(
        ranged(BODY, cut=1000), ranged(BODY), answer(304, ETag='"one"'), tls=False
    )
    environment = {"AWS_ENDPOINT_URL_S3": server.base, **CREDENTIALS}
    step = fetch.start("s3://bucket/some key/../a.apkg", environment=environment)
    step.ok()
    request = server.requests[1]
    assert request.target == "/bucket/some%20key/../a.apkg"
    assert request.fields["range"] == "bytes=1000-"
    assert "range" in request.fields["authorization"]
    assert "accept-encoding" not in request.fields["authorization"]
    assert fetch.start("s3://bucket/some key/../a.apkg", environment=environment).ok()["from"] == "cache"
    assert "EXAMPLE" not in step.text


def test_the_words_of_s3_are_told(fetch: Fetcher) -> None:
    body = b"<Error><Code>NoSuchKey</Code><Message>no</Message></Error>"
    server = fetch.serve(answer(404, body), tls=False)
    environment = {"AWS_ENDPOINT_URL_S3": server.base, **CREDENTIALS}
    failure = fetch.start("s3://bucket/a.apkg", environment=environment).failure()
    assert failure["error"] == PREFIX + "there is no object s3://bucket/a.apkg (HTTP 404, NoSuchKey)"


def test_slow_down_is_tried_again(fetch: Fetcher) -> None:
    body = b"<Error><Code>SlowDown</Code></Error>"
    server = fetch.serve(answer(503, body), answer(200, BODY), tls=False)
    environment = {"AWS_ENDPOINT_URL_S3": server.base, **CREDENTIALS}
    step = fetch.start("s3://bucket/a.apkg", environment=environment)
    step.ok()
    assert len(step.retries) == 1


def test_another_region_is_asked_at_once(fetch: Fetcher) -> None:
    body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>"
    server = fetch.serve(answer(400, body), answer(200, BODY), tls=False)
    environment = {"AWS_ENDPOINT_URL_S3": server.base, **CREDENTIALS}
    step = fetch.start("s3://bucket/a.apkg", environment=environment)
    step.ok()
    assert "/eu-west-3/s3/" in server.requests[1].fields["authorization"]


def test_a_bucket_that_is_nowhere(fetch: Fetcher) -> None:
    def elsewhere(region: str) -> Answer:
        return answer(301, b"<Error><Code>PermanentRedirect</Code></Error>", x_amz_bucket_region=region)

    server = fetch.serve(*map(elsewhere, ["eu-west-3", "us-west-2", "eu-west-3"]), tls=False)
    environment = {"AWS_ENDPOINT_URL_S3": server.base, **CREDENTIALS}
    failure = fetch.start("s3://bucket/a.apkg", environment=environment).failure()
    assert len(server.requests) == 3  # S3Origin.maximumMoves + 1
    assert "the bucket bucket is not in us-west-2 but in eu-west-3" in failure["error"]


def test_credentials_of_a_container_are_renewed(fetch: Fetcher) -> None:
    def credentials(number: int) -> Answer:
        body = {"AccessKeyId": f"AKID{number}", "SecretAccessKey": "x", "Token": f"token{number}",
                "Expiration": "2099-01-01T00:00:00Z"}  # fmt: skip
        return answer(200, json.dumps(body).encode())

    agent = fetch.serve(answer(503), credentials(1), credentials(2), tls=False)
    expired = b"<Error><Code>ExpiredToken</Code></Error>"
    server = fetch.serve(answer(400, expired), answer(200, BODY), tls=False)
    step = fetch.start(
        "s3://bucket/a.apkg",
        environment={
            "AWS_ENDPOINT_URL_S3": server.base,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.base + "/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "mine",
        },
    )
    step.ok()
    assert all(request.fields["authorization"] == "mine" for request in agent.requests)
    tokens = [request.fields["x-amz-security-token"] for request in server.requests]
    assert tokens == ["token1", "token2"]
    assert "token1" not in step.text and "AKID" not in step.text


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_an_object_of_motos_s3_with_a_containers_credentials(fetch: Fetcher, moto: str) -> None:
    boto3 = pytest.importorskip("boto3")
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "x"}
    client = boto3.client("s3", endpoint_url=moto, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="packages")
    client.put_object(Bucket="packages", Key="a b/ü.apkg", Body=BODY)
    answered = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "x", "Token": "t",
                "Expiration": "2099-01-01T00:00:00Z"}  # fmt: skip
    agent = fetch.serve(answer(200, json.dumps(answered).encode()), tls=False)
    environment = {
        "AWS_ENDPOINT_URL_S3": moto, "AWS_REGION": "us-east-1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.base + "/credentials",
    }  # fmt: skip
    assert fetch.start("s3://packages/a b/ü.apkg", environment=environment).ok()["sha256"] == SHA256
    package = fetch.start("s3://packages/a b/ü.apkg", environment=environment).ok()
    assert package["from"] == "cache"
    step = fetch.start("s3://packages/missing.apkg", environment=environment)
    assert "there is no object s3://packages/missing.apkg" in step.failure()["error"]
    step = fetch.start("s3://other/missing.apkg", environment=environment)
    assert "there is no bucket other" in step.failure()["error"]
    presigned = client.generate_presigned_url(
        "get_object", Params={"Bucket": "packages", "Key": "a b/ü.apkg"}
    )
    assert presigned.startswith("http://")  # moto has no TLS: as it is, it is refused
    assert "neither https:// nor s3://" in fetch.start(presigned).failure()["error"]


def test_an_endpoint_of_credentials_that_is_not_there(fetch: Fetcher) -> None:
    gone = fetch.serve(silent, tls=False)
    gone.close()
    step = fetch.start(
        "s3://bucket/a.apkg", timeout=1,
        environment={"AWS_CONTAINER_CREDENTIALS_FULL_URI": gone.base + "/c"},
    )  # fmt: skip
    assert "no credentials: cannot connect to 127.0.0.1" in step.failure()["error"]


def test_without_credentials(fetch: Fetcher) -> None:
    failure = fetch.start("s3://bucket/a.apkg").failure()
    assert "there are no AWS credentials" in failure["error"]


@pytest.mark.parametrize("url", ["http://127.0.0.1/a", "file:///etc/passwd", "ftp://a/b", "x"])
def test_other_urls_are_refused(fetch: Fetcher, url: str) -> None:
    assert "neither https:// nor s3://" in fetch.start(url).failure()["error"]
