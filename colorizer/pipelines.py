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
from transformers import AutoModel as TransformersAutoModel
from transformers.image_processing_utils import BaseImageProcessor

from colorizer import images
from colorizer.checks import check_count, check_number, checked_device, checked_dtype
from colorizer.errors import ColorizerError, PhotoError
from colorizer.loading import complete, load_model
from colorizer.merging import MAX_SATURATION
from colorizer.modeling import ColorizerModel

TASK = "image-colorization"


def register() -> None:
    """Make `transformers.pipeline("image-colorization", model=…)` known; importing `colorizer` and transformers does it."""
    # Called as soon as transformers' pipelines are imported, which the line below this function may be doing just now; then
    # the class isn't there yet, and the end of this module calls again.
    if "ColorizationPipeline" in globals() and TASK not in PIPELINE_REGISTRY.supported_tasks:
        PIPELINE_REGISTRY.register_pipeline(TASK, pipeline_class=ColorizationPipeline, pt_model=AutoModel, type="image")


from transformers.pipelines import PIPELINE_REGISTRY, Pipeline  # noqa: E402

MAX_RESOLUTION = 4096
MAX_ASPECT = 8.0
OPTION_BOUNDS = {"temperature": (0.01, 10.0)}


@dataclass(frozen=True, eq=False)
class ColorizationResult:
    """What `return_dict=True` gives.

    image: the colored photo at its own size.
    ab: CIE a*, b* as the network gave them, float32 (2, h, w) at its working size, before `saturation`.
    logits: (313, h, w), float32, where the approach predicts a distribution over bins, else None.
    scenes: each scene that the network was trained to tell, with its probability, the likeliest first, else None.
    seconds: what coloring took, reading the photo left out; a batch's time in the network is shared evenly.
    photo: the photo that was read; a pipeline takes it as input again without decoding it anew.
    """

    image: Image.Image
    ab: Tensor
    logits: Tensor | None
    scenes: dict[str, float] | None
    seconds: float
    photo: images.Photo


@dataclass
class _Work:
    """A photo on its way through the pipeline. Not a dict of tensors, which transformers would stack or take apart."""

    photo: images.Photo
    lightness: Tensor
    seconds: float
    ab: Tensor | None = None
    logits: Tensor | None = None
    scenes: dict[str, float] | None = None


class _NoImageProcessor(BaseImageProcessor):
    """transformers batches only pipelines that have an image processor; reading and resizing is `preprocess`'s."""

    model_input_names = ("lightness",)


class AutoModel(TransformersAutoModel):
    """For `transformers.pipeline`, which catches every ValueError and says nothing but that no class could load the model.

    A checkpoint that is refused goes on in the model's place, and the pipeline raises it. The name is what a pipeline that is
    saved says of its model's class, to be found in transformers when it is loaded.
    """

    @classmethod
    def from_pretrained(cls, *arguments: Any, **options: Any) -> Any:
        """The model, or the ColorizerError that its checkpoint raised."""
        try:
            model = super().from_pretrained(*arguments, **options)
            complete(model, token=options.get("token"), cache_dir=options.get("cache_dir"))
        except ColorizerError as error:
            return error
        return model


class ColorizationPipeline(Pipeline):
    """Colors photos: whatever `images.read` takes, one, a list, or a generator, whose results are then streamed.

    Calling it takes, besides transformers' `batch_size` and `num_workers`:

    * `resolution`: working size, the side in pixels of the square that the network's input has the area of; by default what
      the checkpoint was trained at. The result has the photo's own size in any case.
    * `saturation`: factor on the predicted chroma, 0…10.
    * `return_dict`: a ColorizationResult instead of a PIL image.
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
            image_processor=image_processor or _NoImageProcessor(),
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
            return super().__call__(list(inputs), **kwargs)
        if isinstance(inputs, Dataset):
            return _stream(super().__call__(inputs, **kwargs))
        if isinstance(inputs, Iterator) and not hasattr(inputs, "read"):
            return _stream(super().__call__((photo for photo in inputs), **kwargs))
        return super().__call__(inputs, **kwargs)

    def _sanitize_parameters(
        self,
        resolution: int | None = None,
        saturation: float | None = None,
        return_dict: bool | None = None,
        **options: float | str | None,
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        self.model.check_options(options)
        for name in options.keys() - self.model.option_choices.keys():
            check_number(name, options[name], *OPTION_BOUNDS.get(name, (-float("inf"), float("inf"))))
        preparing, coloring, finishing = {}, dict(options), {}
        if resolution is not None:
            preparing["resolution"] = self._checked_resolution(resolution)
        if saturation is not None:
            finishing["saturation"] = check_number("saturation", saturation, 0.0, MAX_SATURATION)
        if return_dict is not None:
            coloring["keeps_logits"] = finishing["return_dict"] = bool(return_dict)
        return preparing, coloring, finishing

    def _checked_resolution(self, resolution: int) -> int:
        model = self.model
        check_count("resolution", resolution, high=MAX_RESOLUTION)
        if model.is_fixed_size and resolution != model.config.resolution:
            raise ColorizerError(
                f"{model.approach} works at resolution {model.config.resolution} and no other, not {resolution}."
            )
        return int(resolution)

    def preprocess(self, source: Any, resolution: int | None = None) -> dict[str, _Work | PhotoError]:
        """Read a photo and bring its lightness to the working size."""
        try:
            photo = images.read(source)
        except PhotoError as error:
            return {"work": error}  # raised in `_forward`: a worker process would bury it in a traceback
        start = time.perf_counter()
        size = working_size(photo.size, self.model, resolution)
        lightness = images.lightness(photo, size)
        return {"work": _Work(photo, lightness, time.perf_counter() - start)}

    def _forward(
        self, inputs: dict[str, _Work | PhotoError | list], keeps_logits: bool = False, **options: float | str | None
    ) -> dict[str, list[_Work]]:
        batch = inputs["work"] if isinstance(inputs["work"], list) else [inputs["work"]]
        for work in batch:
            if isinstance(work, PhotoError):
                raise work
        # Photos of one shape go through the network together. Nothing is padded, so that what a photo becomes does not
        # depend on its company.
        groups: dict[torch.Size, list[_Work]] = {}
        for work in batch:
            groups.setdefault(work.lightness.shape, []).append(work)
        for group in groups.values():
            start = time.perf_counter()
            lightness = torch.stack([work.lightness for work in group]).to(self.device)
            output = self.model(lightness, **options)
            ab = output.ab.float().cpu()
            logits = output.logits.float().cpu() if keeps_logits and output.logits is not None else None
            scenes = self.model.rank_scenes(output) if keeps_logits else [None] * len(group)
            seconds = (time.perf_counter() - start) / len(group)
            for index, work in enumerate(group):
                work.ab = ab[index]
                work.logits = None if logits is None else logits[index]
                work.scenes = scenes[index]
                work.seconds += seconds
                if not torch.isfinite(work.ab).all():
                    raise ColorizerError(
                        f"{self.name} gave colors that are not finite for {work.photo.name or 'a photo'}, computing in "
                        f"{self.model.dtype}: its checkpoint is damaged, or needs dtype=torch.float32."
                    )
        return {"work": batch}

    def postprocess(
        self, outputs: dict[str, _Work | list[_Work]], saturation: float = 1.0, return_dict: bool = False
    ) -> Image.Image | ColorizationResult:
        """Put the colors on the photo at its own size."""
        work = outputs["work"][0] if isinstance(outputs["work"], list) else outputs["work"]
        start = time.perf_counter()
        pixels = images.merge(work.photo.pixels, work.ab, saturation=saturation)
        image = images.to_pil(work.photo, pixels, model=self.name)
        if not return_dict:
            return image
        seconds = work.seconds + time.perf_counter() - start
        return ColorizationResult(image, work.ab, work.logits, work.scenes, seconds, work.photo)


def pipeline(
    model: str | os.PathLike | ColorizerModel = "colorful",
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
        model: a checkpoint that comes with the package, a folder, a Hub id ("user/name", of `revision`, read with `token`), or
            a model.
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


def working_size(size: tuple[int, int], model: ColorizerModel, resolution: int | None = None) -> tuple[int, int]:
    """Height and width at which `model` sees a photo of `size` = (width, height).

    The photo's aspect (8 : 1 at most), the area of a square of side `resolution`, and sides that are multiples of what the
    network needs; a network of fixed size gets that.
    """
    resolution = resolution or model.config.resolution
    if model.is_fixed_size:
        return resolution, resolution
    width, height = size
    aspect = min(max(width / height, 1 / MAX_ASPECT), MAX_ASPECT)
    multiple = model.size_multiple
    return tuple(
        max(multiple, round(side / multiple) * multiple)
        for side in (resolution / aspect**0.5, resolution * aspect**0.5)
    )


def _stream(results: Iterable[Any]) -> Iterator[Any]:
    yield from results


register()
