"""The reference page of the REST API, drawn from its own OpenAPI description."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/api/docs", name="web:api_docs")
def api_docs(request: Request) -> HTMLResponse:
    """Every operation with its parameters, grouped as in the description."""
    description = request.app.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation.get("tags", ["other"])[0], []).append(
                {
                    "method": method.upper(),
                    "path": path,
                    "summary": operation.get("summary", ""),
                    "text": operation.get("description", ""),
                    "parameters": operation.get("parameters", []),
                    "body": bool(operation.get("requestBody")),
                }
            )
    return render(request, "api_docs.html", groups=groups, page="api")
