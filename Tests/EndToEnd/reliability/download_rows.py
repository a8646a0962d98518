"""Fetching: what a network, a server, S3 and the credentials can do to a download."""

from __future__ import annotations

import signal
from typing import Iterator

from support.byte_server import answer, endless, head, ranged, raw, reset, silent, trickle

from .cell import Cell
from .ends import Either, Failed, GoesOn, Killed, Stopped
from .faults import kill_step, signals, stop_step
from .origins import (
    container,
    credentials,
    damaged,
    downloaded,
    fetching,
    half,
    origin,
    origin_gone,
    package,
    pinned,
    s3,
    s3_error,
    start_download,
    two_at_once,
    unused_port,
)
from .surroundings import all_of, as_user, cache_is, limited, small_disk, variables

TERM, INT, KILL = signal.SIGTERM, signal.SIGINT, signal.SIGKILL
#: The bound of a download that cannot come to an end.
SHORT = {"FETCH_TIMEOUT_SEC": 3}


def kept_failing(anchor: str) -> Failed:
    """The time was over, and what to try is about what failed last."""
    return Failed("fetch", "Failed to download package: .*took longer than", anchor)


TOO_LONG = kept_failing("fetch-timeout")
RETRIED = GoesOn(1, "fetch_retry")
TOO_LARGE = Failed("fetch", "MAX_PACKAGE_SIZE_MB", "package-too-large")


def failed(error: str, anchor: str, phase: str = "fetch") -> Failed:
    return Failed(phase, ("Failed to download package: .*" if phase == "fetch" else "") + error, anchor)


def row(fault: str, scene, end, within: float = 6, **settings) -> Cell:
    return Cell("fetching", fault, scene, start_download(**settings), end, within)


def rows() -> Iterator[Cell]:
    yield from passing_rows()
    yield from refusing_rows()
    yield from endless_rows()
    yield from tls_rows()
    yield from body_rows()
    yield from s3_rows()
    yield from process_rows()
    yield from disk_rows()
    yield from cache_rows()


def passing_rows() -> Iterator[Cell]:
    """What passes is tried again."""
    good = package()
    for words, faults in (
        ("HTTP 500, then good", [answer(500)]),
        ("HTTP 503 with Retry-After, then good", [answer(503, Retry_After=1)]),
        ("HTTP 429 twice, then good", [answer(429), answer(429)]),
        ("the connection is closed without an answer, then good", [raw()]),
        ("the connection is reset, then good", [reset()]),
        ("no HTTP, then good", [raw(b"hello\r\n\r\n")]),
        ("the head breaks off, then good", [raw(head(200, Content_Length=9)[:-2])]),
        (
            "reset in the body, then good",
            [lambda body: reset(head(200, Content_Length=len(body["probe"])) + body["probe"][:500])],
        ),
        ("truncated, then resumed", [lambda body: ranged(body["probe"], cut=700)]),
        (
            "truncated, then another package (changed body)",
            [lambda body: ranged(body["large"], etag='"old"', cut=700)],
        ),
        (
            "truncated, then a range that does not fit",
            [
                lambda body: ranged(body["probe"], cut=700),
                lambda body: answer(206, body["probe"], ETag='"two"', Content_Range="bytes 5-9/10"),
            ],
        ),
    ):
        yield row(words, origin(*faults, good), RETRIED, 8)
    yield row("nothing: HTTPS works", origin(good), GoesOn())


def refusing_rows() -> Iterator[Cell]:
    """What does not pass is told at once."""
    for status, anchor in (
        (400, "download"), (401, "download-refused"), (403, "download-refused"),
        (404, "download-not-found"), (410, "download-not-found"), (302, "redirect"),
    ):  # fmt: skip
        yield row(f"HTTP {status}", origin(answer(status)), failed(f"HTTP {status}", anchor), 3)
    yield row(
        "a redirect to http://", origin(answer(302, Location="http://127.0.0.1/a")),
        failed("", "redirect"), 3,
    )  # fmt: skip
    yield row(
        "a redirect to a metadata address",
        origin(answer(302, Location="https://169.254.169.254/latest/meta-data/")),
        failed("", "redirect"), 3,
    )  # fmt: skip
    yield row(
        "redirects in a circle", origin(answer(302, Location="/agent.apkg")), failed("", "redirect"), 3
    )
    yield row(
        "the host has no address", variables(PACKAGE_URL="https://nowhere.invalid/a.apkg", **SHORT),
        Failed("fetch", "nowhere.invalid", "host-not-found"), 5,
    )  # fmt: skip
    yield row(
        "nobody listens at the proxy",
        origin(package(), HTTPS_PROXY=f"http://127.0.0.1:{unused_port()}", **SHORT),
        kept_failing("proxy"), 5,
    )  # fmt: skip


def endless_head(connection, request) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: of the same\r\n" * 100)


def endless_rows() -> Iterator[Cell]:
    """What never comes to an end is bounded by FETCH_TIMEOUT_SEC, or by the size."""
    for words, one, end in (
        ("HTTP 500, always", answer(500), kept_failing("download")),
        ("the server does not answer", silent, TOO_LONG),
        ("a byte at a time (slow)", lambda body: trickle(body["probe"], 0.05), TOO_LONG),
        ("half of the package, then nothing", half(), TOO_LONG),
        ("always truncated", lambda body: ranged(body["large"], cut=1000), kept_failing("download")),
        ("always reset", reset(), kept_failing("download")),
        ("no HTTP, always", raw(b"hello\r\n\r\n"), failed("does not answer in HTTP", "download")),
        ("the head always breaks off", raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50), kept_failing("download")),
    ):
        yield row(words, origin(one, **SHORT), end, 5)
    yield row(
        "nobody listens", variables(PACKAGE_URL=f"https://127.0.0.1:{unused_port()}/a", **SHORT),
        kept_failing("download"), 5,
    )  # fmt: skip
    yield row("an endless head", origin(endless_head), failed("head is longer", "download"), 4)
    yield row("an endless body", origin(endless, MAX_PACKAGE_SIZE_MB=1), TOO_LARGE)
    yield row(
        "a length over the limit", origin(raw(head(200, Content_Length=1 << 40) + b"PK")), TOO_LARGE, 3
    )
    yield row(
        "a body over the limit", origin(package("large"), MAX_PACKAGE_SIZE_MB=1), TOO_LARGE, 3
    )


def tls_rows() -> Iterator[Cell]:
    for words, certificate, error in (
        ("the certificate's authority is not trusted", "other", "not trusted"),
        ("the certificate has expired", "expired", "not trusted.*expired"),
        ("the certificate is another host's", "elsewhere", "not trusted"),
    ):
        yield row(
            words, origin(package(), certificate=certificate), failed(error, "certificate"), 3
        )
    yield row(
        "the server speaks no TLS", origin(package(), certificate=None, **SHORT), TOO_LONG, 5
    )
    yield row(
        "SSL_CERT_FILE is absent", origin(package(), SSL_CERT_FILE="/nowhere/authorities.pem"),
        failed("SSL_CERT_FILE", "certificate"), 3,
    )  # fmt: skip
    yield row(
        "S3's certificate is not trusted", s3(package(), certificate="other"),
        failed("not trusted", "certificate"), 3,
    )  # fmt: skip


def body_rows() -> Iterator[Cell]:
    """What arrives whole and is not the package."""
    yield row(
        "the wrong hash", all_of(origin(package()), pinned("large")),
        Failed("fetch", "SHA256 mismatch: ", "wrong-hash"), 3,
    )  # fmt: skip
    for words, one in (
        ("a page instead of the package", answer(200, b"<html>please log in</html>")),
        ("an empty body", answer(200, b"")),
        (
            "a length that is too short (wrong size)",
            lambda body: raw(head(200, Content_Length=700), body["probe"]),
        ),
    ):
        yield row(words, origin(one), Failed("verify", "is refused", "refused-archive"), 4)


def s3_rows() -> Iterator[Cell]:
    yield row("nothing: S3 works", s3(package()), GoesOn())
    yield row("nothing: S3 works over TLS", s3(package(), certificate="good"), GoesOn())
    for code, status, anchor in (
        ("AccessDenied", 403, "s3-access"),
        ("InvalidAccessKeyId", 403, "credentials"),
        ("SignatureDoesNotMatch", 403, "credentials"),
        ("ExpiredToken", 400, "credentials"),
        ("NoSuchKey", 404, "s3-missing"),
        ("NoSuchBucket", 404, "s3-missing"),
        ("RequestTimeTooSkewed", 403, "clock"),
        ("InvalidObjectState", 403, "s3-archived"),
    ):
        for certificate, words in ((None, ""), ("good", " (TLS)")):
            if certificate and code not in ("AccessDenied", "ExpiredToken"):
                continue
            yield row(
                f"S3 says {code}{words}", s3(s3_error(status, code), certificate=certificate),
                failed(code, anchor), 4,
            )  # fmt: skip
    yield row("S3 says SlowDown, then good", s3(s3_error(503, "SlowDown"), package()), RETRIED)
    yield row(
        "S3 says InternalError, always", s3(s3_error(500, "InternalError"), **SHORT),
        kept_failing("s3-unavailable"), 5,
    )
    yield row(
        "no credentials", s3(package(), AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None),
        failed("", "credentials"), 3,
    )  # fmt: skip
    yield row(
        "half of the credentials", s3(package(), AWS_SECRET_ACCESS_KEY=None),
        failed("AWS_SECRET_ACCESS_KEY", "credentials"), 3,
    )  # fmt: skip
    yield row("a container's credentials", container(credentials(3600)), GoesOn())
    for words, one, end in (
        ("refuses", answer(403), failed("", "credentials")),
        ("knows none", answer(404), failed("", "credentials")),
        ("answers with garbage", answer(200, b"{"), failed("", "credentials")),
        ("always fails", answer(500), kept_failing("credentials")),
        ("does not answer", silent, kept_failing("credentials")),
    ):
        yield row(
            f"the container's endpoint of credentials {words}",
            all_of(container(one), variables(**SHORT)), end, 5,
        )  # fmt: skip
    yield row(
        "the container's endpoint fails, then answers", container(answer(500), credentials(3600)),
        GoesOn(), 8,
    )  # fmt: skip


def process_rows() -> Iterator[Cell]:
    """The step, and signals, in the middle of a download."""
    yield Cell(
        "fetching", "the step is killed", fetching(), kill_step("fetch"),
        failed("the fetch step was ended by SIGKILL", "step-ended"), 2,
    )  # fmt: skip
    yield Cell(
        "fetching", "the step is stopped (SIGSTOP)", fetching(**SHORT), stop_step("fetch"),
        TOO_LONG, 5,
    )  # fmt: skip
    for number in (TERM, INT):
        for times, words in ((1, "once"), (2, "twice")):
            yield Cell(
                "fetching", f"{number.name} {words}", fetching(), signals(*[number] * times),
                Stopped(number.name, "fetching"), 2,
            )  # fmt: skip
    yield Cell(
        "fetching", "SIGTERM, then SIGINT", fetching(), signals(TERM, INT),
        Stopped("SIGTERM|SIGINT", "fetching"), 2,
    )  # fmt: skip
    yield Cell("fetching", "the program is killed", fetching(), signals(KILL), Killed(""), 1)


def disk_rows() -> Iterator[Cell]:
    yield Cell(
        "fetching", "the cache's disk is too small (ENOSPC)",
        all_of(small_disk(2 << 20), origin(package("large"))), start_download(),
        failed("", "disk-full"), 4, root=True,
    )  # fmt: skip
    yield row(
        "no file may be larger than 64 KiB (RLIMIT_FSIZE)",
        all_of(limited(fsize=64 << 10), origin(package("large"))), failed("disk is full", "disk-full"),
    )  # fmt: skip
    for words, kind in (
        ("the cache is a file (ENOTDIR)", "file"),
        ("`archives` in the cache is a file", "archives is a file"),
    ):
        yield row(words, all_of(origin(package()), cache_is(kind)), failed("", "cache-folder"), 3)
    for words, kind in (
        ("the cache is another user's (EACCES)", "theirs"),
        ("the cache is on a read-only disk (EROFS)", "read-only"),
    ):
        yield Cell(
            "fetching", words, all_of(origin(package()), as_user(), cache_is(kind)),
            start_download(), failed("", "cache-folder"), 3, root=True,
        )  # fmt: skip
    for limit in (24, 28):
        yield row(
            f"no more than {limit} descriptors (EMFILE)",
            all_of(origin(package()), limited(nofile=limit)), Either(), 8,
        )  # fmt: skip


def cache_rows() -> Iterator[Cell]:
    good = package()
    yield Cell(
        "fetching", "the server is gone, the pinned package is in the cache",
        all_of(origin(good), pinned(), downloaded, origin_gone), start_download(), GoesOn(), 6,
    )  # fmt: skip
    yield Cell(
        "fetching", "the package in the cache is damaged",
        all_of(origin(good), pinned(), downloaded, damaged), start_download(), GoesOn(), 6,
    )  # fmt: skip
    yield Cell(
        "fetching", "the same package is downloaded by two boots", origin(good), two_at_once,
        GoesOn(), 10,
    )  # fmt: skip
