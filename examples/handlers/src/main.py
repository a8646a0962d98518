"""The agent's entrypoint: one JSON object in, one JSON value out (`POST …/invoke`)."""

from src.a2a.actions import ACTIONS


async def handler(request: dict) -> dict:
    action = request.get("action", "count_words")
    if action not in ACTIONS:
        raise ValueError(f"unknown action {action!r}; known: {', '.join(sorted(ACTIONS))}")
    return {"action": action, "result": await ACTIONS[action](request.get("parameters", {}))}
