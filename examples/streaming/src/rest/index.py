"""A streamed answer: each word is a server-sent event that leaves as soon as it is there."""

import asyncio
import json
from typing import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse


async def answer(text: str, pause: float) -> AsyncIterator[str]:
    for index, word in enumerate(text.split()):
        yield f"id: {index}\ndata: {json.dumps({'word': word})}\n\n"
        await asyncio.sleep(pause)
    yield "event: done\ndata: {}\n\n"


def mount(app: FastAPI) -> None:
    @app.get("/api/answer")
    async def stream(text: str = "one word after the other", pause: float = 0.2):
        return StreamingResponse(
            answer(text, min(max(pause, 0), 10)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )
