"""Writes a GGUF model again at another precision. It cannot become better than it was, only larger or smaller."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from agentctx.errors import MissingDependency

VARIANTS: Final = {"int8": "Q8_0", "fp16": "F16", "mxfp4": "MXFP4"}
_CONTAINER: Final = ("GGUF.", "general.architecture", "general.file_type")
_EMBEDDING: Final = "token_embd.weight"


def requantize(source: Path, target: Path, precision: str) -> None:
    """Write `source` as `target`, at a precision of `VARIANTS`. Some 20 s for 135 million parameters.

    Norms stay as they are, and so does a quantized embedding table, unless all is to be 16 bit. `target` appears whole
    or not at all. Raises MissingDependency without the package gguf.
    """
    try:
        import gguf  # noqa: PLC0415
        from gguf import quants  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependency("gguf is not installed: pip install 'agentctx[llm]'", field="llm") from error
    wanted = gguf.GGMLQuantizationType[VARIANTS[precision]]
    whole = gguf.GGMLQuantizationType.F16
    plain = gguf.GGMLQuantizationType.F32
    reader = gguf.GGUFReader(source)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    writer = gguf.GGUFWriter(part, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if not name.startswith(_CONTAINER):
            writer.add_key_value(name, field.contents(), field.types[0], _element(field))
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{VARIANTS[precision]}"].value if precision != "mxfp4" else 38)
    try:
        for tensor in reader.tensors:
            kind = tensor.tensor_type
            if kind == plain or (tensor.name == _EMBEDDING and wanted != whole):
                writer.add_tensor(tensor.name, tensor.data, raw_dtype=kind)
                continue
            data = quants.dequantize(tensor.data, kind)
            data = data.astype("float16") if wanted == whole else quants.quantize(data, wanted)
            writer.add_tensor(tensor.name, data, raw_dtype=wanted)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _element(field: Any) -> Any:
    """The type of an array's elements, None for what is no array."""
    return field.types[-1] if len(field.types) > 1 else None
