"""Stock onnxruntime on the processor, as these tests open every file."""

import onnxruntime


def session_of(path, optimised=None):
    """A file, opened. `optimised`: where to write what the runtime made of it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
