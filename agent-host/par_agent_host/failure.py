"""What keeps an agent from being served, told to the person who wrote it."""

import importlib
import os
import sys
import traceback

_PACKAGE_ROOT = os.getcwd()
"""Where the process was started, whatever folder the agent changes to."""


class Failure(Exception):
    """A boot that cannot go on.

    `error`: one sentence naming the file and the mistake. `detail`: the agent's traceback, or None.
    `hint`: what to try, ending with the paragraph of docs/errors.md that says more.
    """

    def __init__(self, error, hint, detail=None):
        super().__init__(error)
        self.error = error
        self.hint = hint
        self.detail = detail


def hint(text, anchor):
    """A hint with its paragraph in the documentation."""
    return "%s; docs/errors.md#%s" % (text.rstrip("."), anchor)


SAID_MAX_CHARACTERS = 300
"""How much of an exception's text a sentence repeats; the whole is in the detail."""


def said(error):
    """An exception in a few words: its type and the first line of what it says."""
    try:
        text = str(error).strip().split("\n", 1)[0]
    except Exception:
        # An exception class of the agent whose __str__ raises itself.
        text = ""
    if len(text) > SAID_MAX_CHARACTERS:
        text = text[:SAID_MAX_CHARACTERS] + "…"
    name = type(error).__name__
    return "%s: %s" % (name, text) if text else name


def described(value):
    """What kind of thing a value is, for a sentence: `a dict`, `None`."""
    if value is None:
        return "None"
    name = type(value).__name__
    return ("an " if name[:1].lower() in "aeiou" else "a ") + name


def agent_traceback(error, package_root):
    """The traceback as text, without the frames of the host and of Python's import machinery.

    What leads to the agent's first frame says nothing to its author; from there on every frame
    stays, libraries included. Chained exceptions are treated alike.
    """
    told = traceback.TracebackException.from_exception(error)
    seen = set()
    waiting = [told]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.stack[:] = _without_ours(one.stack, package_root)
        waiting += [one.__cause__, one.__context__]
        waiting += getattr(one, "exceptions", None) or []
    return "".join(told.format()).rstrip("\n")


def log_raised(sentence, error):
    """Writes what the agent's code raised to standard error, in one piece."""
    sys.stderr.write("%s\n%s\n" % (sentence, agent_traceback(error, _PACKAGE_ROOT)))


def last_agent_line(error, package_root):
    """Where in the package an exception came from, as `path line N`; None when not from there."""
    place = None
    for frame in traceback.extract_tb(error.__traceback__):
        if _beneath(frame.filename, package_root):
            place = "%s line %s" % (os.path.relpath(frame.filename, package_root), frame.lineno)
    return place


_HOST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _without_ours(stack, package_root):
    frames = [
        frame
        for frame in stack
        if not frame.filename.startswith("<frozen importlib")
        and frame.filename != importlib.__file__
        and not _beneath(frame.filename, _HOST)
    ]
    for index, frame in enumerate(frames):
        if _beneath(frame.filename, package_root):
            return frames[index:]
    return frames


def _beneath(path, folder):
    return os.path.abspath(path).startswith(os.path.join(folder, ""))
