"""Runner: the plain pipeline of diffusers in bfloat16, in a process of its own so that its memory can be told."""

from __future__ import annotations

from functools import partial

import torch

from bench import _image_pipeline

load = partial(_image_pipeline.load, dtype=torch.bfloat16)
