"""`pipeline("colorful")("photo.jpg")`: any checkpoint on any photo, by way of transformers' pipelines."""

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

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.errors import ColorizerError, check_count
from colorizer.hub.loading import load_model
from colorizer.photos.lightness import compute_lightness
from colorizer.photos.merging import merge_colors
from colorizer.photos.photo import Photo
from colorizer.photos.reading import read_photo
from colorizer.photos.saving import to_pil
from colorizer.pipelines.device import checked_device, checked_dtype
from colorizer.pipelines.hint_propagation import REACH, Propagation
from colorizer.pipelines.hints import Hint, HintedPhoto, are_shared_out, draw_hints, share_out
from colorizer.pipelines.options import sort_options, working_size
from colorizer.pipelines.prediction import Prediction, predict
from colorizer.pipelines.transformers_hooks import AutoModel, NoImageProcessor

TASK = "image-colorization"


@dataclass(frozen=True, eq=False)
class ColorizationResult:
    """What `return_dict=True` gives.

    image: the colored photo at its own size.
    ab: CIE a*, b* as the network gave them, float32 (2, h, w) at its working size, before `saturation`; where hints were
        spread, with them, and at least of the size that they are spread at.
    logits: (313, h, w), float32, where the approach predicts a distribution over bins, else None.
    uncertainty: float32 (h, w) at the working size, 0…1, for such an approach, else None: each pixel's entropy of that
        distribution, at temperature 1 whatever `temperature` is; 0 where one color is certain, 1 where all are alike.
    scenes: each scene that the network was trained to tell, with its probability, the likeliest first, else None.
    seconds: what coloring took, reading the photo left out; a batch's time in the network is shared evenly,
        as is that of several answers.
    photo: the photo that was read; a pipeline takes it as input again without decoding it anew.
    """

    image: Image.Image
    ab: Tensor
    logits: Tensor | None
    uncertainty: Tensor | None
    scenes: dict[str, float] | None
    seconds: float
    photo: Photo


@dataclass
class _Work:
    """A photo on its way through the pipeline. Not a dict of tensors, which transformers would stack or take apart."""

    photo: Photo
    lightness: Tensor
    hints: tuple[Hint, ...]
    drawn: Tensor | None  # the hints as the network takes them, if it does
    seconds: float
    prediction: Prediction | None = None


class ColorizationPipeline(Pipeline):
    """Colors photos: whatever `read_photo` takes, one, a list, or a generator, whose results are then streamed.

    Calling it takes, besides transformers' `batch_size` and `num_workers`:

    * `resolution`: working size, the side in pixels of the square that the network's input has the area of; by default what
      the checkpoint was trained at. The result has the photo's own size in any case.
    * `saturation`: factor on the predicted chroma, 0…10.
    * `return_dict`: a ColorizationResult instead of a PIL image.
    * `hints`: (x, y, (r, g, b)) of pixels of the photo, upright, from its top left corner, and the colors 0…255 that they
      shall have; 1000 at most, the later one counts where two meet. Of a list of photos all get the same, unless `hints`
      is a list of such lists, one a photo. A network that was trained with hints takes them; what a color then lacks, for
      other networks all of it, spreads along the photo's edges, about as far as
    * `hint_reach`: 0.01…1 of the side of a square of the photo's area; 0 for the answer of the network alone.
    * `num_images` and `seed`: different answers, drawn from the colors that an approach with a distribution holds possible;
      the same for the same seed, 0 unless given. More than one come as a list; one is drawn if a seed is given.
    * the options of the approach, such as `temperature`, or `scene`, in whose style the photo is then colored.

    Raises PhotoError for photos that can't be read, ColorizerError for options that don't fit and for colors that are not
    finite.
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
        if dtype == "auto" and self.device.type == "cpu" and self.model.dtype in (torch.float16, torch.bfloat16):
            # transformers' "auto" is the precision of the file, which is there to keep it small; processors are slow in it.
            self.model.float()
        self.model.eval()

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Color one photo, a list of photos (a list comes back) or an iterator of photos (a generator comes back)."""
        if (batch_size := kwargs.get("batch_size")) is not None:
            check_count("batch_size", batch_size)
        if isinstance(inputs, list | tuple):
            if not inputs:
                raise ColorizerError("The list of photos is empty.")
            if are_shared_out(kwargs.get("hints")):
                inputs = share_out(inputs, kwargs.pop("hints"))
            return super().__call__(list(inputs), **kwargs)
        if isinstance(inputs, Dataset):
            return _stream(super().__call__(inputs, **kwargs))
        if isinstance(inputs, Iterator) and not hasattr(inputs, "read"):
            return _stream(super().__call__((photo for photo in inputs), **kwargs))
        return super().__call__(inputs, **kwargs)

    def _sanitize_parameters(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        return sort_options(self.model, **options)

    def call_options(self, **options: Any) -> tuple[dict[str, Any], ...]:
        """The options of a call's three steps: those given, checked, over those that the pipeline was made with."""
        own = self._preprocess_params, self._forward_params, self._postprocess_params
        return tuple(ours | given for ours, given in zip(own, sort_options(self.model, **options), strict=True))

    def preprocess(
        self,
        source: Any,
        resolution: int | None = None,
        hints: tuple[Hint, ...] = (),
        hint_reach: float = REACH,
    ) -> dict[str, _Work | ColorizerError]:
        """Read a photo and bring its lightness, and the hints on it, to the working size."""
        try:
            if isinstance(source, HintedPhoto):
                source, hints = source.source, source.hints
            photo = read_photo(source)
            start = time.perf_counter()
            size = working_size(photo.size, self.model, resolution)
            drawn = None
            if hints:
                # In any case: it finds hints that lie outside the photo before the network runs.
                drawn = draw_hints(hints, photo.size, size, photo.name or "the photo")
                if not hint_reach:
                    self.model.check_takes_hints()
                elif not self.model.takes_hints:
                    drawn = None
        except ColorizerError as error:
            return {"work": error}  # raised in `_forward`: a worker process would bury it in a traceback
        lightness = compute_lightness(photo, size)
        return {"work": _Work(photo, lightness, hints, drawn, time.perf_counter() - start)}

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
        # Photos of one shape go through the network together. Nothing is padded, so that what a photo becomes does not
        # depend on its company.
        groups: dict[tuple[torch.Size, bool], list[_Work]] = {}
        for work in batch:
            groups.setdefault((work.lightness.shape, work.drawn is None), []).append(work)
        for (_, is_untold), group in groups.items():
            start = time.perf_counter()
            lightness = torch.stack([work.lightness for work in group]).to(self.device)
            hints = None if is_untold else torch.stack([work.drawn for work in group]).to(self.device)
            predictions = predict(
                self.model, lightness, hints, num_images=num_images, seed=seed, has_details=has_details, **options
            )
            seconds = (time.perf_counter() - start) / len(group)
            for work, work.prediction in zip(group, predictions, strict=True):
                work.seconds += seconds
                if not all(torch.isfinite(ab).all() for ab in work.prediction.ab):
                    raise ColorizerError(
                        f"{self.name} gave colors that are not finite for {work.photo.name or 'a photo'}, computing in "
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
        """Put the colors on the photo at its own size."""
        work = outputs["work"][0] if isinstance(outputs["work"], list) else outputs["work"]
        prediction, results = work.prediction, []
        start = time.perf_counter()
        spread = Propagation(work.photo, reach=hint_reach) if work.hints and hint_reach else None
        work.seconds += time.perf_counter() - start
        for ab in prediction.ab:
            start = time.perf_counter()
            if spread is not None:
                ab = spread(ab, work.hints)
            pixels = merge_colors(work.photo.pixels, ab, saturation=saturation)
            image = to_pil(work.photo, pixels, model=self.name)
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
    token: str | None = None,
    device: int | str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    batch_size: int | None = None,
    **options: Any,
) -> ColorizationPipeline:
    """A pipeline that colors photos.

    Args:
        model: a checkpoint that comes with the package, unless told otherwise the best, a folder, a Hub id ("user/name", of
            `revision`, read with `token`), or a model.
        device: as transformers' pipelines take it: "cpu", "cuda:1", a number, a torch.device, -1 for the CPU; by default the
            first accelerator there is, else the CPU.
        dtype: what to compute in, such as torch.float16. By default ("auto") what the checkpoint is stored in on an
            accelerator, and float32 on the CPU, which is slow in less; a model that is given stays as it is.
        batch_size: photos that go through the network together.
        options: defaults for the calls, such as `resolution`, `saturation` or those of the approach.

    Raises:
        CheckpointError, HubError: the model can't be had.
        ColorizerError: a device that isn't there, or an option that doesn't fit.
    """
    dtype = checked_dtype(dtype)
    device = checked_device(device)
    if isinstance(model, str | os.PathLike):
        name = os.fspath(model)
        if Path(name).is_dir():
            name = Path(name).resolve().name  # it goes into files' metadata, where a path has no business
        dtype = dtype or "auto"
        loaded = load_model(model, revision=revision, token=token, dtype=dtype)
    elif isinstance(model, ColorizerModel):
        name, loaded = None, model if dtype is None else model.to(dtype)
    else:
        raise ColorizerError(
            f"{type(model).__name__} is not a model: give a checkpoint's name, a folder, a Hub id or a ColorizerModel."
        )
    return ColorizationPipeline(
        loaded, device=device, dtype=dtype, name=name, batch_size=batch_size, task=TASK, **options
    )


def _stream(results: Iterable[Any]) -> Iterator[Any]:
    yield from results


PIPELINE_REGISTRY.register_pipeline(TASK, pipeline_class=ColorizationPipeline, pt_model=AutoModel, type="image")
