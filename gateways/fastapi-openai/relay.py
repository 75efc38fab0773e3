"""The relay that tutorials teach: FastAPI and the openai SDK."""

from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI(max_retries=0)


@app.post("/v1/chat/completions")
async def chat(request: Request) -> StreamingResponse:
    stream = await client.chat.completions.create(**await request.json())

    async def events() -> AsyncIterator[str]:
        async for chunk in stream:
            yield f"data: {chunk.model_dump_json()}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")
