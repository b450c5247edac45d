"""Calls that don't fit, of the endpoints and of the page's own events: answered with a sentence, and logged on one line.

Anyone can send anything to a Gradio app: values of other types, too few of them, or events of a page that is not open.
"""

import errno
import inspect
import logging
import traceback
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi.exceptions import RequestValidationError
from gradio.blocks import BlockFunction
from gradio.route_utils import FnIndexInferError
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from colorizer.errors import ColorizerError, quote
from colorizer.hub.run_records import publishable
from colorizer.server.addresses import check_addresses

# Errors of code that takes for granted what the page sends.
_MISFITS = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
_WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    list[str]: "a list of texts",
    dict[str, Any]: "an uploaded file",
}

logger = logging.getLogger(__name__)


class CheckedBlocks(gr.Blocks):
    """Blocks that check the values of the endpoints, and answer every call that fails with a sentence."""

    async def process_api(self, block_fn: BlockFunction | int, inputs: list[Any], *args: Any, **kwargs: Any) -> Any:
        """Run an event as Gradio does."""
        event = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        is_endpoint = event.api_visibility == "public"
        misfit = "This doesn't fit the page as it is now: reload the page."
        if is_endpoint:
            misfit = f"/{event.api_name} doesn't take these values: see “Use via API” at the end of the page."
        try:
            # The page itself uploads all that it sends.
            check_addresses(inputs, 1 if is_endpoint else 0)
            if is_endpoint:
                check_values(event.fn, inputs)
            return await super().process_api(event, inputs, *args, **kwargs)
        except gr.Error as error:
            # Gradio's own, such as for a choice that doesn't exist: with a type of Python, a value of any length, a traceback.
            _log(event.api_name, error)
            raise gr.Error(misfit, print_exception=False) from error
        except ColorizerError as error:
            raise gr.Error(publishable(str(error)), print_exception=False) from error
        except Exception as error:
            if not isinstance(error, _MISFITS) and getattr(error, "errno", None) != errno.ENAMETOOLONG:
                raise gr.Error("Something went wrong on the server. Try again later.") from error
            _log(event.api_name, error)
            raise gr.Error(misfit, print_exception=False) from error


def check_values(function: Callable[..., Any], values: Sequence[Any]) -> None:
    """Raise ColorizerError, naming the parameter, unless the values are of the types that `function` is annotated with."""
    hints = typing.get_type_hints(function)
    names = list(inspect.signature(function).parameters)
    if len(values) != len(names):
        raise ColorizerError(f"There must be {len(names)} values ({', '.join(names)}), got {len(values)}.")
    for name, value in zip(names, values, strict=True):
        try:
            TypeAdapter(hints[name]).validate_python(value, strict=True)
        except ValidationError as error:
            raise ColorizerError(f"{name} must be {_words(hints[name])}, got {quote(value)}.") from error


def refuse(request: Request, error: Exception) -> JSONResponse:
    """Answer a request that is none of an event."""
    _log(request.url.path, error)
    return JSONResponse({"detail": "This request doesn't fit the app: see “Use via API” at the end of the page."}, 422)


HANDLERS = dict.fromkeys((*_MISFITS, RequestValidationError, FnIndexInferError), refuse)
"""Handlers of requests that are none of an event, for FastAPI."""


def _words(hint: Any) -> str:
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return " or ".join(_WORDS[kind] for kind in kinds if kind is not type(None))


def _log(place: object, error: Exception) -> None:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    logger.warning("Refused a call of %s: %s in %s, %s", quote(place), type(error).__name__, where, quote(error))
    logger.debug("The call of %s", quote(place), exc_info=error)
