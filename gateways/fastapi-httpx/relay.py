"""The relay that tutorials teach: FastAPI and httpx, which passes everything on."""

import os

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

app = FastAPI()
client = httpx.AsyncClient(base_url=os.environ["OPENAI_ORIGIN"], timeout=None)  # noqa: S113


async def relay(request: Request) -> StreamingResponse:
    url = httpx.URL(path=request.url.path, query=request.url.query.encode())
    upstream = client.build_request(
        request.method, url, headers=request.headers.raw, content=request.stream()
    )
    answer = await client.send(upstream, stream=True)
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers=answer.headers,
        background=BackgroundTask(answer.aclose),
    )


app.add_route("/{path:path}", relay, ["GET", "POST"])
