"""The peer of `grace-cli gen-manifests`: a Jinja2 template for each manifest, read back with PyYAML.

    manifests.py models N > models.yaml         N models with the lab's shape, for both
    manifests.py render MODELS MANIFESTS OUT    renders as many manifests as MANIFESTS holds, into OUT

Templates are grace's own manifests of one model with the values of models.yaml put back as expressions, so that both write
texts of the same size. The peer checks that each is YAML; it knows no types, no policies and no names.
"""

import copy
import pathlib
import sys

import jinja2
import yaml

LAB = pathlib.Path(__file__).parent.parent / "config" / "models.yaml"


def models(count):
    lab = yaml.safe_load(LAB.read_text())
    shape = lab["models"]["gemma-2b-rtx3090"]
    # With more than 100 pods, NRP's policy wants limits that equal requests.
    for what in ("memory", "cpu", "ephemeral_storage"):
        request = shape["resources"].get(f"{what}_request", "20Gi")
        shape["resources"][f"{what}_request"] = shape["resources"][f"{what}_limit"] = request
    lab["models"] = {f"model-{number:04}": copy.deepcopy(shape) for number in range(count)}
    sys.stdout.write(yaml.safe_dump(lab, sort_keys=False))


def render(models_file, manifests, out):
    config = yaml.safe_load(pathlib.Path(models_file).read_text())
    keys = list(config["models"])
    first = keys[0]
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    count = 0
    out = pathlib.Path(out)
    out.mkdir(parents=True)
    shared = ("base/claim-*.yaml", "**/kustomization.yaml", "base/grace-config-*.yaml")
    own = (f"jobs/grace-{first}-replicated.yaml", f"prefetch/grace-{first}-prefetch.yaml")
    folder = pathlib.Path(manifests)
    for pattern in shared:
        for path in folder.glob(pattern):
            yaml.safe_load(path.read_text())
            (out / f"{count}.yaml").write_text(path.read_text())
            count += 1
    for path in own:
        text = (folder / path).read_text()
        for value, expression in [
            (first, "{{ key }}"),
            (config["models"][first]["huggingface_name"], "{{ model.huggingface_name }}"),
            (config["models"][first]["display_name"], "{{ model.display_name }}"),
            (config["cluster"]["namespace"], "{{ cluster.namespace }}"),
            (config["cluster"]["server_image"], "{{ cluster.server_image }}"),
        ]:
            text = text.replace(value, expression)
        template = environment.from_string(text)
        for key in keys:
            manifest = template.render(key=key, model=config["models"][key], cluster=config["cluster"])
            yaml.safe_load(manifest)
            (out / f"{count}.yaml").write_text(manifest)
            count += 1
    print(count)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["models", count]:
            models(int(count))
        case ["render", models_file, manifests, out]:
            render(models_file, manifests, out)
        case _:
            sys.exit(__doc__)
