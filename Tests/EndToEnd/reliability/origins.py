"""Where a package comes from, when the run downloads it."""

from __future__ import annotations

import datetime
import hashlib
import os
import signal
import socket
from typing import Any, Optional

from support.byte_server import Answer, ByteServer, Request, answer, head, silent
from support.clients import until

from .faults import Fault
from .scenes import Scene
from .stage import Stage

#: Credentials that no one has.
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
    "AWS_REGION": "eu-central-1",
}


def package(name: str = "probe", **fields: Any) -> "Lazy":
    """The whole package as an answer."""
    return lambda body: answer(200, body[name], **{"ETag": '"one"', **fields})


class Bodies:
    """The bytes of the library's packages."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __getitem__(self, name: str) -> bytes:
        return self._stage.package(name).read_bytes()


Lazy = Any  # a function from Bodies to an Answer, or an Answer


def made(stage: Stage, one: Lazy) -> Answer:
    """Only a function of one argument has to be told the packages."""
    return one(Bodies(stage)) if one.__code__.co_argcount == 1 else one


def serve(stage: Stage, *answers: Lazy, certificate: Optional[str] = "good") -> ByteServer:
    context = certificate and stage.library.certificate(certificate)
    server = ByteServer(*[made(stage, one) for one in answers], context=context or None)
    stage.close_at_end(server.close)
    stage.origin = server
    return server


def origin(*answers: Lazy, certificate: Optional[str] = "good", **variables: Any) -> Scene:
    """An HTTPS server; the last of its answers is given again and again."""

    def scene(stage: Stage) -> None:
        server = serve(stage, *answers, certificate=certificate)
        base = server.base.replace("http://", "https://")
        stage.variables["PACKAGE_URL"] = base + "/agent.apkg?X-Amz-Signature=secret-signature"
        stage.variables["SSL_CERT_FILE"] = stage.library.authority.file
        stage.variables.update(variables)

    return scene


def s3(*answers: Lazy, certificate: Optional[str] = None, **variables: Any) -> Scene:
    """An endpoint of S3."""

    def scene(stage: Stage) -> None:
        server = serve(stage, *answers, certificate=certificate)
        stage.variables.update(KEYS)
        stage.variables["PACKAGE_URL"] = "s3://pixell-agent-packages/agent.apkg"
        stage.variables["AWS_ENDPOINT_URL_S3"] = server.base
        stage.variables["AWS_CA_BUNDLE"] = stage.library.authority.file
        stage.variables.update(variables)

    return scene


def container(*answers: Answer) -> Scene:
    """S3 with the credentials of a container's endpoint."""

    def scene(stage: Stage) -> None:
        s3(package(), **{name: None for name in list(KEYS)[:2]})(stage)
        server = ByteServer(*answers, context=None)
        stage.close_at_end(server.close)
        stage.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.base + "/credentials"

    return scene


def credentials(seconds: int) -> Answer:
    """What a container's endpoint answers, valid for so long."""
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    body = (
        '{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"secretsecretsecret","Token":"token-token",'
        f'"Expiration":"{end:%Y-%m-%dT%H:%M:%SZ}"}}'
    )
    return answer(200, body.encode())


def s3_error(status: int, code: str, **fields: Any) -> Answer:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>because</Message></Error>"
    return answer(status, body.encode(), Content_Type="application/xml", **fields)


def half(name: str = "large") -> Lazy:
    """Half of the package, and then nothing more."""

    def lazy(body: Bodies) -> Answer:
        whole = body[name]

        def send(connection: Any, request: Request) -> None:
            connection.sendall(head(200, Content_Length=len(whole), ETag='"one"'))
            connection.sendall(whole[: len(whole) // 2])
            silent(connection, request)

        return send

    return lazy


def fetching(**variables: Any) -> Scene:
    """In the middle of a download that does not go on."""

    def scene(stage: Stage) -> None:
        # The next run, if there is one, gets the whole.
        origin(half(), package("large"))(stage)
        run = stage.start(**variables)
        run.wait("fetch")
        until(
            lambda: any(x.stat().st_size > 1 << 20 for x in stage.cache.glob("archives/tmp-*")),
            "half of it is there",
        )

    return scene


def start_download(**variables: Any) -> Fault:
    def fault(stage: Stage) -> None:
        stage.start(**variables)

    return fault


def pinned(name: str = "probe") -> Scene:
    """PACKAGE_SHA256 is this package's."""

    def scene(stage: Stage) -> None:
        digest = hashlib.sha256(stage.package(name).read_bytes()).hexdigest()
        stage.variables["PACKAGE_SHA256"] = digest

    return scene


def downloaded(stage: Stage) -> None:
    """A run has had the package once."""
    run = stage.start()
    run.ready()
    run.send(signal.SIGINT)
    assert run.exit() == 0


def origin_gone(stage: Stage) -> None:
    stage.origin.close()


def damaged(stage: Stage) -> None:
    """The archive in the cache is not what its name says any more."""
    (archive,) = stage.cache.glob("archives/sha256-*.apkg")
    archive.chmod(0o600)
    os.truncate(archive, 100)


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def two_at_once(stage: Stage) -> None:
    """Another boot with the same cache, a moment before; it has to end well too."""
    other = stage.start()
    stage.start()
    other.ready()
    other.send(signal.SIGINT)
    assert other.exit() == 0
