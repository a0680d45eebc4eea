"""Turn a .gguf file into a Hugging Face folder: `python convert_gguf.py GGUF FOLDER`.

Runs in the vLLM environment, which has torch, transformers, gguf and accelerate; the pipeline's
own has none of them. vLLM does not read .gguf by itself any more. The weights become bfloat16.
"""

import importlib
import sys
from pathlib import Path


def main(gguf: Path, folder: Path) -> None:
    """Write the model and its tokenizer into `folder`."""
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")
    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    print(f"reading {gguf.name}", flush=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        **source,
        dtype=torch.bfloat16,
        quantization_config=transformers.GgufConfig(dequantize=True),
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
    print("writing the model and its tokenizer", flush=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
