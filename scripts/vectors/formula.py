"""Numbers that need not be stored: a tensor's values from its name, the same here and in test/pipelines/formula.ts."""

import math

import numpy
import torch


def name_hash(name):
    """FNV-1a, 32 bits."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def bits(name, count):
    """32 bits for each position: MurmurHash3's last mix of the name's hash and the position."""
    h = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(0x9E3779B9) + numpy.uint32(name_hash(name))
    h = (h ^ (h >> numpy.uint32(16))) * numpy.uint32(0x85EBCA6B)
    h = (h ^ (h >> numpy.uint32(13))) * numpy.uint32(0xC2B2AE35)
    return h ^ (h >> numpy.uint32(16))


def reals(name, shape, scale=1.0):
    """Between −scale and scale; float32 holds them exactly when scale is a power of two."""
    values = ((bits(name, math.prod(shape)) >> numpy.uint32(20)).astype(float) - 2047.5) / 2048 * scale
    return torch.from_numpy(values.reshape(shape))


def integers(name, shape, below):
    values = bits(name, math.prod(shape)).astype(numpy.int64) % below
    return torch.from_numpy(values.reshape(shape))


def scale_for(inputs):
    """The power of two nearest to 1/√inputs: what weights of that many inputs are scaled by."""
    return 2.0 ** -math.floor(math.log2(inputs) / 2 + 0.5)


def rounded(tensor):
    """A flat list with the seven digits that a comparison within 1e-6 needs."""
    return [float(f"{value:.7g}") for value in tensor.detach().reshape(-1).tolist()]
