"""The agent's REST routes. The runtime calls `mount` once, with the application to add them to."""

import os
from datetime import datetime, timezone

from fastapi import FastAPI
from pydantic import BaseModel, Field


class Visitor(BaseModel):
    name: str = Field(min_length=1, max_length=80)


def greeting(name: str) -> dict:
    # GREETING comes from agent.yaml; the operator's own environment wins over it.
    word = os.environ.get("GREETING", "Hello")
    return {"message": f"{word}, {name}!", "at": datetime.now(timezone.utc).isoformat()}


def mount(app: FastAPI) -> None:
    @app.get("/api/hello")
    async def hello(name: str = "world") -> dict:
        return greeting(name)

    @app.post("/api/hello")
    async def hello_visitor(visitor: Visitor) -> dict:
        return greeting(visitor.name)
