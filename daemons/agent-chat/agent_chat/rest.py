"""The REST routes. Each answer except health has an envelope, and so does each error:

{"success": bool, "data": ... | null, "error": null | "a message"}
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from agent_chat import __version__
from agent_chat.frames import THREAD_ID
from agent_chat.service import Service

Body = dict[str, Any]
ThreadId = Annotated[str, Path(pattern=THREAD_ID)]


def data(value: Any) -> Body:
    """The envelope of an answer."""
    return {"success": True, "data": value, "error": None}


def failed(status: int, message: str) -> JSONResponse:
    """The envelope of an error."""
    return JSONResponse({"success": False, "data": None, "error": message}, status)


def install(app: FastAPI, service: Service) -> None:
    """Add the routes and the error handlers."""

    def require_key(x_api_key: Annotated[str | None, Header()] = None) -> None:
        if not service.admits(x_api_key):
            raise HTTPException(401, "The header X-API-Key is missing or wrong.")

    @app.get("/api/v1/health")
    async def health() -> Body:
        return {"status": "ok", "version": __version__}

    admin = APIRouter(prefix="/api/v1", dependencies=[Depends(require_key)])

    @admin.get("/conversations")
    async def conversations(
        page: Annotated[int, Query(ge=1, le=10**9)] = 1,
        per_page: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Body:
        sessions = service.sessions.newest(skip=(page - 1) * per_page, limit=per_page)
        listed = [asdict(session) for session in sessions]
        total = service.sessions.count()
        return data({"conversations": listed, "total": total, "page": page, "per_page": per_page})

    @admin.get("/replay/{thread_id}")
    async def replay(thread_id: ThreadId) -> Body:
        if service.sessions.find(thread_id) is None:
            raise HTTPException(404, "Conversation not found.")
        state = await service.graph.aget_state({"configurable": {"thread_id": thread_id}})
        approvals = [asdict(approval) for approval in service.approvals.of(thread_id)]
        messages = state.values.get("messages", [])
        return data({"thread_id": thread_id, "messages": messages, "approvals": approvals})

    @admin.get("/orders/{order_id}")
    async def order(order_id: str) -> Body:
        stored = service.orders.find(order_id)
        if stored is None:
            raise HTTPException(404, "Order not found.")
        return data(asdict(stored))

    app.include_router(admin)
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)
    response = failed(error.status_code, str(error.detail))
    response.headers.update(error.headers or {})
    return response


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return failed(
        422, "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors())
    )


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    return failed(500, "Internal server error")  # the traceback goes to the log
