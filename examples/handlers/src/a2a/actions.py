"""What this agent can do. Each action takes its parameters as a mapping of text."""

from collections import Counter


async def count_words(parameters: dict) -> dict:
    words = parameters.get("text", "").split()
    return {"words": len(words), "most_common": Counter(w.lower() for w in words).most_common(3)}


async def shout(parameters: dict) -> str:
    return parameters.get("text", "").upper() + "!"


ACTIONS = {"count_words": count_words, "shout": shout}
