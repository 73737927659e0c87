#!/usr/bin/env python3
"""What `cargo xtask e2e-cluster` needs of kubectl, for the mock cluster of `cluster.rs`: get with --output name, and delete."""

import json
import os
import sys
import urllib.parse
import urllib.request

KINDS = {
    "pod": "api/v1",
    "configmap": "api/v1",
    "persistentvolumeclaim": "api/v1",
    "job": "apis/batch/v1",
}
words, options = [], {}
rest = iter(sys.argv[1:])
for word in rest:
    if word.startswith("--"):
        name, _, value = word.partition("=")
        options[name] = value or next(rest, "")
    else:
        words.append(word)
if words[0] == "version":
    print("a stub of kubectl, for the mock")
    sys.exit()
with open(os.environ["KUBECONFIG"]) as file:
    config = json.load(file)
server, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]


def ask(method, kind, name="", query=""):
    url = f"{server}/{KINDS[kind]}/namespaces/{options['--namespace']}/{kind}s/{name}?{query}"
    request = urllib.request.Request(url.replace("/?", "?"), method=method)
    request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


if words[0] == "get":
    kind = words[1].removesuffix("s")
    selectors = {"labelSelector": options.get("--selector"), "fieldSelector": options.get("--field-selector")}
    query = urllib.parse.urlencode({name: text for name, text in selectors.items() if text})
    suffix = ".batch" if kind == "job" else ""
    for item in ask("GET", kind, query=query)["items"]:
        print(f"{kind}{suffix}/{item['metadata']['name']}")
elif words[0] == "delete":
    kind, name = words[1].split("/")
    ask("DELETE", kind.removesuffix(".batch"), name, "propagationPolicy=Background")
else:
    sys.exit(f"this stub of kubectl does not know `{words[0]}`")
