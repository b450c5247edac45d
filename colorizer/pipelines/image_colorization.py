"""Pipeline from any checkpoint and photo to a colorized photo, on top of transformers: `pipeline("colorful")("photo.jpg")`."""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from transformers.image_processing_utils import BaseImageProcessor
from transformers.pipelines import PIPELINE_REGISTRY, Pipeline

from colorizer import checkpoints
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.errors import ColorizerError, check_count
from colorizer.hub.loading import load_model
from colorizer.photos.files.reading import read_photo
from colorizer.photos.files.saving import color_photo, to_pil
from colorizer.photos.lightness import compute_lightness
from colorizer.photos.photo import Photo
from colorizer.pipelines.backends import choose_network, is_half
from colorizer.pipelines.device import checked_device, checked_dtype
from colorizer.pipelines.hint_propagation import REACH, Propagation
from colorizer.pipelines.hints import Hint, HintedPhoto, are_per_photo, draw_hints, pair_hints
from colorizer.pipelines.inputs import is_sequence, is_stream
from colorizer.pipelines.options import sort_options, working_size
from colorizer.pipelines.prediction import Prediction, own_prediction, predict
from colorizer.pipelines.results import ColorizationResult
from colorizer.pipelines.transformers_hooks import AutoModel, NoImageProcessor

TASK = "image-colorization"
MAX_BATCH = 2**31


@dataclass
class _Work:
    """State of a photo in the pipeline. Not a dict of tensors, which transformers would stack or unpack."""

    photo: Photo
    lightness: Tensor
    hints: tuple[Hint, ...]
    drawn: Tensor | None  # the hints as network input, if the network accepts them
    seconds: float
    keeps_color: bool = False  # its own: it doesn't go through the network
    prediction: Prediction | None = None


class ColorizationPipeline(Pipeline):
    """Pipeline that colorizes photos: anything `read_photo` accepts, a list or a dataset's column of these, or a generator.

    Results of a list are a list; those of a generator are streamed.

    Options of a call, in addition to transformers' `batch_size` and `num_workers`:

    * `resolution`: working size, the side in pixels of a square with the area of the network's input; by default the
      checkpoint's training resolution. The result always has the photo's own size.
    * `saturation`: factor on the predicted chroma, 0…10.
    * `return_dict`: return a ColorizationResult instead of a PIL image.
    * `hints`: list of (x, y, (r, g, b)), pixels of the upright photo from its top left corner and their colors in 0…255; 1000
      at most; where two overlap, the later one counts. With a list of photos, the hints apply to all of them, unless `hints`
      is a list of such lists, one per photo. A network trained with hints takes them as input. The remaining difference from
      the hinted colors (for other networks, all of it) is propagated over the photo, stopping at edges.
    * `hint_reach`: about how far it is propagated, 0.01…1 of the side of a square with the photo's area; 0 turns it off.
    * `num_images` and `seed`: number of different colorings, drawn from the predicted distribution if the approach has one,
      and the seed (0 by default), which makes them reproducible. Several are returned as a list. A seed alone draws one.
    * `keep_color`: return photos that are in color already as they are.
    * the approach's own options, such as `temperature`, or `scene` to color in the style of a scene.

    Raises PhotoError for photos that can't be read, and ColorizerError for invalid options and for colors that are not finite.
    """

    _load_processor = False
    _load_image_processor = False
    _load_video_processor = False
    _load_feature_extractor = False
    _load_tokenizer = False

    def __init__(
        self,
        model: ColorizerModel | ColorizerError,
        *,
        device: int | str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
        name: str | None = None,
        backend: str = "torch",
        image_processor: BaseImageProcessor | None = None,
        **kwargs: Any,
    ):
        if isinstance(model, ColorizerError):
            raise model
        if not isinstance(model, ColorizerModel):
            raise ColorizerError(f"{type(model).__name__} is not a colorization model.")
        if kwargs.get("batch_size") is not None:
            check_count("batch_size", kwargs["batch_size"])
        self.name = name or model.approach
        super().__init__(
            model=model,
            device=checked_device(device),
            image_processor=image_processor or NoImageProcessor(),
            **kwargs,
        )
        self.model.eval()
        self.network = choose_network(self.model, backend, self.device, dtype)
        if self.network is self.model and dtype == "auto" and self.device.type == "cpu" and is_half(self.model.dtype):
            # transformers' "auto" means the file's precision, which only keeps the file small; CPUs are slow in it.
            self.model.float()

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Colorize one photo, a list of photos (returns a list) or an iterator of photos (returns a generator)."""
        if (batch_size := kwargs.get("batch_size")) is not None:
            check_count("batch_size", batch_size, MAX_BATCH)
        if is_sequence(inputs):
            if not len(inputs):
                raise ColorizerError("The list of photos is empty.")
            if are_per_photo(kwargs.get("hints")):
                inputs = pair_hints(inputs, kwargs.pop("hints"))
            if isinstance(inputs, list | tuple):
                return super().__call__(list(inputs), **kwargs)
            return list(self(iter(inputs), **kwargs))
        if isinstance(inputs, Dataset):
            return _stream(super().__call__(inputs, **kwargs))
        if is_stream(inputs):
            return _stream(super().__call__((photo for photo in inputs), **kwargs))
        return super().__call__(inputs, **kwargs)

    def _sanitize_parameters(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        return sort_options(self.model, **options)

    def call_options(self, **options: Any) -> tuple[dict[str, Any], ...]:
        """Validate a call's options, and return all options per step, over the defaults set when creating the pipeline."""
        own = self._preprocess_params, self._forward_params, self._postprocess_params
        return tuple(ours | given for ours, given in zip(own, sort_options(self.model, **options), strict=True))

    def preprocess(
        self,
        source: Any,
        resolution: int | None = None,
        hints: tuple[Hint, ...] = (),
        hint_reach: float = REACH,
        keep_color: bool = False,
    ) -> dict[str, _Work | ColorizerError]:
        """Read a photo, and resize its lightness and hints to the working size."""
        try:
            if isinstance(source, HintedPhoto):
                source, hints = source.source, source.hints
            photo = read_photo(source)
            start = time.perf_counter()
            size = working_size(photo.size, self.model, resolution)
            drawn = None
            if hints:
                # Always, to find hints outside the photo before the network runs.
                drawn = draw_hints(hints, photo.size, size, photo.name or "the photo")
                if not hint_reach:
                    self.model.check_takes_hints()
                elif not self.model.takes_hints:
                    drawn = None
        except ColorizerError as error:
            return {"work": error}  # raised in `_forward`: a worker process would bury it in a traceback
        lightness = compute_lightness(photo, size)
        keeps_color = keep_color and not photo.is_gray
        return {"work": _Work(photo, lightness, hints, drawn, time.perf_counter() - start, keeps_color)}

    def _forward(
        self,
        inputs: dict[str, _Work | ColorizerError | list],
        has_details: bool = False,
        num_images: int = 1,
        seed: int | None = None,
        **options: float | str | None,
    ) -> dict[str, list[_Work]]:
        batch = inputs["work"] if isinstance(inputs["work"], list) else [inputs["work"]]
        for work in batch:
            if isinstance(work, ColorizerError):
                raise work
        # Photos of one shape go through the network together. There is no padding, so that a photo's result doesn't depend
        # on the rest of the batch.
        groups: dict[tuple[torch.Size, bool], list[_Work]] = {}
        for work in batch:
            if work.keeps_color:
                work.prediction = own_prediction(work.photo, work.lightness.shape[-2:], num_images)
                continue
            groups.setdefault((work.lightness.shape, work.drawn is None), []).append(work)
        for (_, has_no_hints), group in groups.items():
            start = time.perf_counter()
            lightness = torch.stack([work.lightness for work in group]).to(self.device)
            hints = None if has_no_hints else torch.stack([work.drawn for work in group]).to(self.device)
            predictions = predict(
                self.network, lightness, hints, num_images=num_images, seed=seed, has_details=has_details, **options
            )
            seconds = (time.perf_counter() - start) / len(group)
            for work, work.prediction in zip(group, predictions, strict=True):
                work.seconds += seconds
                if not work.prediction.is_finite:
                    raise ColorizerError(
                        f"{self.name} predicted values that are not finite for {work.photo.name or 'a photo'}, computing in "
                        f"{self.model.dtype}: its checkpoint is damaged, or needs dtype=torch.float32."
                    )
        return {"work": batch}

    def postprocess(
        self,
        outputs: dict[str, _Work | list[_Work]],
        saturation: float = 1.0,
        hint_reach: float = REACH,
        return_dict: bool = False,
        as_list: bool = False,
    ) -> Image.Image | ColorizationResult | list[Image.Image] | list[ColorizationResult]:
        """Merge the colors with the photo in its own size."""
        work = outputs["work"][0] if isinstance(outputs["work"], list) else outputs["work"]
        prediction, results = work.prediction, []
        start = time.perf_counter()
        is_hinted = work.hints and hint_reach and not work.keeps_color
        spread = Propagation(work.photo, reach=hint_reach) if is_hinted else None
        work.seconds += time.perf_counter() - start
        for ab in prediction.ab:
            start = time.perf_counter()
            if spread is not None:
                ab = spread(ab, work.hints)
            if work.keeps_color:
                image = to_pil(work.photo, work.photo.pixels)
            else:
                image = color_photo(work.photo, ab, saturation=saturation, model=self.name)
            if not return_dict:
                results.append(image)
                continue
            seconds = work.seconds / len(prediction.ab) + time.perf_counter() - start
            details = prediction.logits, prediction.uncertainty, prediction.scenes
            results.append(ColorizationResult(image, ab, *details, seconds, work.photo))
        return results if as_list else results[0]


def pipeline(
    model: str | os.PathLike | ColorizerModel = "default",
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    device: int | str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    batch_size: int | None = None,
    backend: str = "auto",
    cache_dir: str | os.PathLike | None = None,
    **options: Any,
) -> ColorizationPipeline:
    """Create a pipeline that colorizes photos.

    Args:
        model: a checkpoint that comes with the package (by default the best), a folder, a Hub id ("user/name", at `revision`,
            read with `token`, by default that of the login, False for none), or a model.
        device: as in transformers' pipelines: "cpu", "cuda:1", a number, a torch.device, or -1 for the CPU; by default the
            first accelerator, else the CPU.
        dtype: precision to compute in, such as torch.float16. The default ("auto") is the checkpoint's stored precision on an
            accelerator, and float32 on the CPU, which is slow in half precision. A model passed in keeps its own.
        batch_size: number of photos that go through the network together.
        backend: "torch" or "onnx", ONNX Runtime with the checkpoint's graph, two to three times as fast on a CPU; "auto" takes
            "onnx" on the CPU where there is a graph. The model's own weights then stay in the file's precision. A model passed
            in is computed by torch.
        cache_dir: folder in which what comes from the Hub is kept; by default the cache of its client.
        options: defaults for the calls, such as `resolution`, `saturation` or the approach's own options.

    Raises:
        CheckpointError, HubError: the model can't be loaded.
        ColorizerError: the device doesn't exist, or an option is invalid.
    """
    dtype = checked_dtype(dtype)
    device = checked_device(device)
    if isinstance(model, str | os.PathLike):
        name = os.fspath(model)
        if os.path.isdir(name):
            name = Path(name).resolve().name  # it is written to files' metadata, which must not contain a path
        dtype = dtype or "auto"
        loaded = load_model(model, revision=revision, token=token, cache_dir=cache_dir, dtype=dtype)
    elif isinstance(model, ColorizerModel):
        name, loaded = None, model if dtype is None else model.to(dtype)
        # Its weights may no longer be the file's.
        backend = "torch" if backend == "auto" else backend
    else:
        raise ColorizerError(
            f"{type(model).__name__} is not a model: give a checkpoint's name, a folder, a Hub id or a ColorizerModel."
        )
    return ColorizationPipeline(
        loaded, device=device, dtype=dtype, name=name, backend=backend, batch_size=batch_size, task=TASK, **options
    )


def _stream(results: Iterable[Any]) -> Iterator[Any]:
    yield from results


PIPELINE_REGISTRY.register_pipeline(TASK, pipeline_class=ColorizationPipeline, pt_model=AutoModel, type="image")
# Not as an argument, since a saved pipeline would then hold the path.
PIPELINE_REGISTRY.supported_tasks[TASK] = PIPELINE_REGISTRY.supported_tasks[TASK] | {
    "default": {"model": (str(checkpoints.FOLDER / "default"), "main")}
}
