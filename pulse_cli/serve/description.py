"""The description of the API (OpenAPI): what each call takes, answers and refuses.

Handlers read bodies and write answers themselves. So what FastAPI would otherwise find out by
itself is stated here: the form of both, with an example, and what is refused.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from pulse_cli.serve import bodies
from pulse_cli.serve.answer_models import Refusal

_SCHEMAS = "#/components/schemas/"
_BODIES = (bodies.IndexRequest, bodies.ChangeRequest, bodies.SearchRequest, bodies.EventBody)
_WHY = {
    400: "the body or the signature is malformed",
    401: "the secret or the signature is missing or wrong",
    404: "there is no such thing",
    408: "the body did not arrive in time",
    413: "the body is too long",
    422: "the body or a parameter has another form",
    503: "not now; send it again after the seconds of Retry-After, if it is there",
    507: "the disk is full; send it again later",
}

Responses = dict[int | str, dict[str, Any]]


def answered(
    model: type[BaseModel], example: Any, *, status: int = 200, refused: tuple[int, ...] = ()
) -> Responses:
    """`responses=` of a route: its answer, and the statuses with which it refuses."""
    content = {"application/json": {"example": example}}
    return {
        status: {"description": "all is well", "model": model, "content": content},
        **{code: {"description": _WHY[code], "model": Refusal} for code in refused},
    }


def asked(model: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra=` of a route that reads its body itself; `model` declares an example."""
    extra: Any = model.model_config["json_schema_extra"]
    content = {
        "schema": {"$ref": f"{_SCHEMAS}{model.__name__}"},
        "example": extra["examples"][0],
    }
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def describe(app: FastAPI) -> None:
    """Have the application describe itself in full. The description is made when asked for."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _description(app)
        return app.openapi_schema

    app.openapi = made  # type: ignore[method-assign]  # as FastAPI documents it


def _description(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    components = found.setdefault("components", {})
    _, schemas = models_json_schema(
        [(model, "validation") for model in _BODIES], ref_template=_SCHEMAS + "{model}"
    )
    components.setdefault("schemas", {}).update(schemas["$defs"])
    for methods in found["paths"].values():
        for operation in methods.values():
            _complete(operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    return found


def _complete(operation: dict[str, Any]) -> None:
    """What all calls have in common: the secret, and refusals of parameters."""
    responses = operation["responses"]
    common = []
    if "security" in operation:
        common.append(401)
    if "requestBody" in operation:
        common += [408, 413]
    if "422" in responses:
        common.append(422)
    for status in common:
        refusal = {"schema": {"$ref": f"{_SCHEMAS}Refusal"}}
        responses[str(status)] = {
            "description": _WHY[status],
            "content": {"application/json": refusal},
        }
