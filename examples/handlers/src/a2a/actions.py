"""What this agent can do. Each action takes its parameters as a mapping of text."""

import asyncio
from collections import Counter


async def count_words(parameters: dict) -> dict:
    """Counts the words of `text`."""
    words = parameters.get("text", "").split()
    return {"words": len(words), "most_common": Counter(w.lower() for w in words).most_common(3)}


async def shout(parameters: dict) -> str:
    """`text`, louder."""
    return parameters.get("text", "").upper() + "!"


async def recite(parameters: dict):
    """`text` word by word, with `pause` seconds before each."""
    for word in parameters.get("text", "").split():
        await asyncio.sleep(float(parameters.get("pause", "0")))
        yield word + " "


ACTIONS = {"count_words": count_words, "shout": shout}
STREAMING_ACTIONS = {"recite": recite}
