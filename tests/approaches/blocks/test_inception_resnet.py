import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save

from colorizer import CheckpointError
from colorizer.approaches.base.pretrained_parts import PretrainedPart
from colorizer.approaches.blocks.inception_resnet import InceptionResNetV2

# timm's inception_resnet_v2, unit by unit: name, channels in and out, height and width of the kernel.
STEM = [
    *(("conv2d_1a", 3, 32, 3, 3), ("conv2d_2a", 32, 32, 3, 3), ("conv2d_2b", 32, 64, 3, 3)),
    *(("conv2d_3b", 64, 80, 1, 1), ("conv2d_4a", 80, 192, 3, 3)),
]
MIXED_5B = [
    ("mixed_5b.branch0", 192, 96, 1, 1),
    *(("mixed_5b.branch1.0", 192, 48, 1, 1), ("mixed_5b.branch1.1", 48, 64, 5, 5)),
    *(
        ("mixed_5b.branch2.0", 192, 64, 1, 1),
        ("mixed_5b.branch2.1", 64, 96, 3, 3),
        ("mixed_5b.branch2.2", 96, 96, 3, 3),
    ),
    ("mixed_5b.branch3.1", 192, 64, 1, 1),
]
BLOCK_35 = [
    *(("branch0", 320, 32, 1, 1), ("branch1.0", 320, 32, 1, 1), ("branch1.1", 32, 32, 3, 3)),
    *(("branch2.0", 320, 32, 1, 1), ("branch2.1", 32, 48, 3, 3), ("branch2.2", 48, 64, 3, 3)),
]
MIXED_6A = [
    *(("mixed_6a.branch0", 320, 384, 3, 3), ("mixed_6a.branch1.0", 320, 256, 1, 1)),
    *(("mixed_6a.branch1.1", 256, 256, 3, 3), ("mixed_6a.branch1.2", 256, 384, 3, 3)),
]
BLOCK_17 = [
    *(("branch0", 1088, 192, 1, 1), ("branch1.0", 1088, 128, 1, 1)),
    *(("branch1.1", 128, 160, 1, 7), ("branch1.2", 160, 192, 7, 1)),
]
MIXED_7A = [
    *(("mixed_7a.branch0.0", 1088, 256, 1, 1), ("mixed_7a.branch0.1", 256, 384, 3, 3)),
    *(("mixed_7a.branch1.0", 1088, 256, 1, 1), ("mixed_7a.branch1.1", 256, 288, 3, 3)),
    *(("mixed_7a.branch2.0", 1088, 256, 1, 1), ("mixed_7a.branch2.1", 256, 288, 3, 3)),
    ("mixed_7a.branch2.2", 288, 320, 3, 3),
]
BLOCK_8 = [
    *(("branch0", 2080, 192, 1, 1), ("branch1.0", 2080, 192, 1, 1)),
    *(("branch1.1", 192, 224, 1, 3), ("branch1.2", 224, 256, 3, 1)),
]
RESIDUAL = [
    *((f"repeat.{i}", BLOCK_35, 128, 320) for i in range(10)),
    *((f"repeat_1.{i}", BLOCK_17, 384, 1088) for i in range(20)),
    *((f"repeat_2.{i}", BLOCK_8, 448, 2080) for i in range(9)),
    ("block8", BLOCK_8, 448, 2080),
]


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the tensors in timm/inception_resnet_v2.tf_in1k."""
    units = [*STEM, *MIXED_5B, *MIXED_6A, *MIXED_7A, ("conv2d_7b", 2080, 1536, 1, 1)]
    shapes: dict[str, tuple[int, ...]] = {"classif.weight": (1000, 1536), "classif.bias": (1000,)}
    for block, inside, mixed, channels in RESIDUAL:
        units += [(f"{block}.{name}", *rest) for name, *rest in inside]
        shapes |= {f"{block}.conv2d.weight": (channels, mixed, 1, 1), f"{block}.conv2d.bias": (channels,)}
    for name, into, out, height, width in units:
        shapes[f"{name}.conv.weight"] = (out, into, height, width)
        shapes |= {f"{name}.bn.{part}": (out,) for part in ("weight", "bias", "running_mean", "running_var")}
        shapes[f"{name}.bn.num_batches_tracked"] = ()
    return shapes


def test_names_and_shapes_are_those_of_the_published_file():
    with torch.device("meta"):
        network = InceptionResNetV2()
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes == published_shapes()
    trainable = [name for name in shapes if "running" not in name and "tracked" not in name]
    assert sum(torch.Size(shapes[name]).numel() for name in trainable) == 55_843_464


class Reference:
    """Compute the forward pass written out, from the tensors alone."""

    def __init__(self, tensors: dict[str, torch.Tensor]):
        self.tensors = tensors

    def unit(self, name, features, *, stride=1, padding=0):
        tensors = self.tensors
        features = F.conv2d(features, tensors[f"{name}.conv.weight"], stride=stride, padding=padding)
        mean, variance, weight, bias = (
            tensors[f"{name}.bn.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return ((features - mean) / (variance + 0.001).sqrt() * weight + bias).clamp(min=0)

    def chain(self, name, features, *geometries):
        for place, geometry in enumerate(geometries):
            features = self.unit(f"{name}.{place}", features, **geometry)
        return features

    def residual(self, name, features, branches, scale):
        mixed = torch.cat(branches, 1)
        weight, bias = self.tensors[f"{name}.conv2d.weight"], self.tensors[f"{name}.conv2d.bias"]
        return features + scale * F.conv2d(mixed, weight, bias)

    def narrow(self, name, features, kernel):
        """Compute blocks of a 1×1 branch and one with a wide kernel split in two."""
        split = {"padding": (0, kernel // 2)}, {"padding": (kernel // 2, 0)}
        return [self.unit(f"{name}.branch0", features), self.chain(f"{name}.branch1", features, {}, *split)]

    def __call__(self, rgb):
        same, halved = {"padding": 1}, {"stride": 2}
        x = self.unit("conv2d_1a", rgb, stride=2)
        x = self.unit("conv2d_2b", self.unit("conv2d_2a", x), padding=1)
        x = F.max_pool2d(x, 3, 2)
        x = F.max_pool2d(self.unit("conv2d_4a", self.unit("conv2d_3b", x)), 3, 2)
        counts = F.avg_pool2d(F.pad(torch.ones_like(x), (1, 1, 1, 1)), 3, 1)
        pooled = F.avg_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 1) / counts
        x = torch.cat(
            [
                self.unit("mixed_5b.branch0", x),
                self.chain("mixed_5b.branch1", x, {}, {"padding": 2}),
                self.chain("mixed_5b.branch2", x, {}, same, same),
                self.unit("mixed_5b.branch3.1", pooled),
            ],
            1,
        )
        name = "repeat.0"
        branches = [
            self.unit(f"{name}.branch0", x),
            self.chain(f"{name}.branch1", x, {}, same),
            self.chain(f"{name}.branch2", x, {}, same, same),
        ]
        x = self.residual(name, x, branches, 0.17).clamp(min=0)
        x = torch.cat(
            [
                self.unit("mixed_6a.branch0", x, stride=2),
                self.chain("mixed_6a.branch1", x, {}, same, halved),
                F.max_pool2d(x, 3, 2),
            ],
            1,
        )
        x = self.residual("repeat_1.0", x, self.narrow("repeat_1.0", x, 7), 0.1).clamp(min=0)
        x = torch.cat(
            [
                self.chain("mixed_7a.branch0", x, {}, halved),
                self.chain("mixed_7a.branch1", x, {}, halved),
                self.chain("mixed_7a.branch2", x, {}, same, halved),
                F.max_pool2d(x, 3, 2),
            ],
            1,
        )
        x = self.residual("repeat_2.0", x, self.narrow("repeat_2.0", x, 3), 0.2).clamp(min=0)
        x = self.residual("block8", x, self.narrow("block8", x, 3), 1.0)
        x = self.unit("conv2d_7b", x).mean((2, 3))
        return x @ self.tensors["classif.weight"].T + self.tensors["classif.bias"]


def random_network() -> InceptionResNetV2:
    """Build one block of each kind, with nontrivial batch norm statistics, in double precision."""
    torch.manual_seed(0)
    network = InceptionResNetV2(num_classes=7, width=1 / 16).double().eval()
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.05, 0.2)
    return network


def test_sizes_at_299_pixels_are_the_papers():
    network = InceptionResNetV2(width=1 / 16).eval()
    seen = {}
    for name, module in network.named_children():
        module.register_forward_hook(lambda _, given, out, name=name: seen.update({name: tuple(out.shape[2:])}))
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 299, 299)).shape == (1, 1000)
    sides = [149, 147, 147, 73, 73, 71, 35, 35, 35, 17, 17, 8, 8, 8, 8]
    assert list(seen.values()) == [(side, side) for side in sides] + [()]
    assert list(seen)[8::2] == ["repeat", "repeat_1", "repeat_2", "conv2d_7b"]


def test_the_forward_pass_equals_the_written_out_one():
    network = random_network()
    rgb = torch.rand(2, 3, 107, 139, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        logits = network(rgb)
        assert logits.std() > 1e-3
        assert torch.allclose(logits, Reference(dict(network.state_dict()))(rgb), rtol=1e-9, atol=1e-12)


def test_it_is_filled_from_a_file_in_the_published_layout(tmp_path):
    published = {name: tensor.half() for name, tensor in random_network().state_dict().items()}
    (tmp_path / "model.safetensors").write_bytes(save(published))
    network = InceptionResNetV2(num_classes=7, width=1 / 16)
    part = PretrainedPart(network, str(tmp_path))
    part.fill(tmp_path)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, published[name].to(tensor.dtype)), name
    published["repeat.0.branch2.1.conv.weight"] = torch.zeros(1, 1, 3, 3)
    (tmp_path / "model.safetensors").write_bytes(save(published))
    with pytest.raises(CheckpointError, match=r"wrong shape for repeat\.0\.branch2\.1\.conv\.weight"):
        part.fill(tmp_path)
