"""Import before timm, open_clip and transformers, which import torchvision. One built for another torch (as PyPI's is, beside a torch for
processors) loads none of its operators and then cannot be imported; nothing here needs them, so their names suffice.
"""
import sys

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    operators = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401
