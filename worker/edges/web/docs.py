"""`/docs`: the API's page, by Swagger UI's own files from its Python package; nothing comes from elsewhere."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

PACKAGE = "swagger_ui"
FILES = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
OWN_FILES = {"phin.svg": "image/svg+xml", "docs.js": "text/javascript", "live.js": "text/javascript"}

_STATIC = Path(__file__).parent / "static"
_KEPT = {"Cache-Control": "public, max-age=86400"}
# Swagger UI writes styles into its elements
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Phin API</title>
<link rel="icon" href="/static/phin.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/swagger-ui.css">
<style>.response-col_links { display: none } .responses-table { overflow-wrap: anywhere }</style>
</head>
<body style="margin: 0">
<div id="api"></div>
<script src="/static/swagger-ui-bundle.js"></script>
<script src="/static/docs.js"></script>
</body>
</html>
"""


class Docs:
    """The endpoints.

    Parameters:
        document: the OpenAPI document.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._files = {name: (_STATIC / name, kind) for name, kind in OWN_FILES.items()}
        package = find_spec(PACKAGE)
        if package is not None and package.origin is not None:
            theirs = Path(package.origin).parent / "static"
            self._files |= {name: (theirs / name, kind) for name, kind in FILES.items()}

    async def page(self, _request: Request) -> Response:
        """Show the API."""
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})

    async def openapi(self, _request: Request) -> Response:
        """Give the document."""
        return JSONResponse(self._document)

    async def static(self, request: Request) -> Response:
        """Give one of the few files that pages load."""
        found = self._files.get(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        path, kind = found
        return FileResponse(path, media_type=kind, headers=_KEPT)
