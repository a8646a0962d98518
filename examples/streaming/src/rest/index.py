"""Streamed answers: each word leaves as soon as it is there, as a server-sent event or on a WebSocket."""

import asyncio
import json
from typing import AsyncIterator

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
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

    @app.websocket("/api/talk")
    async def talk(socket: WebSocket, pause: float = 0.2):
        await socket.accept()
        try:
            while True:
                for word in (await socket.receive_text()).split():
                    await socket.send_json({"word": word})
                    await asyncio.sleep(min(max(pause, 0), 10))
                await socket.send_json({"done": True})
        except WebSocketDisconnect:
            pass  # it has said all it wanted
