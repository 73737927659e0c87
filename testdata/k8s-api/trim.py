"""Copies recordings of a real Kubernetes API, without what no test reads: python3 trim.py RECORDINGS FOLDER."""

import json
import pathlib
import sys

NAMES = """
auth-create-job-viewer-403 auth-list-jobs-anonymous-403 auth-list-jobs-bad-token-401 auth-nodes-403
auth-other-namespace-403 auth-podlog-nobody-403 auth-selfsubjectreview auth-ssa-patchonly-403 auth-ssa-viewer-403
auth-ssar-viewer bad-content-type-415 bad-fieldselector-400 bad-json-400 bad-selector-400 create-already-exists-409
create-in-terminating-namespace-403 create-while-deleting-409 events-failedcreate-sa events-psa-failedcreate
events-quota-failedcreate job-create-201 job-delete-404 job-delete-background job-delete-foreground
job-delete-no-policy job-delete-orphan job-failed-backofflimit0 job-failed-perindex0-max1 job-failed-perindex0-max5
job-failed-perindex1 job-failedcreate-serviceaccount job-get-404 job-get-404-after-ttl job-gpu-create
job-indexed-complete job-podfailurepolicy-failindex job-podfailurepolicy-failjob job-podfailurepolicy-ignore
job-stuck-l-init job-stuck-l-noimg job-stuck-l-nosecret job-stuck-l-pend job-suspend-resume-complete job-suspended
job-template-immutable-422 job-template-immutable-422-ssa list-future-rv log-200-2 log-400-1 log-404
log-404-after-delete log-badcontainer log-follow-to-end log-follow-with-timeout log-kubelet-down log-limit5
log-previous log-since2 log-starterror log-stdout log-tail2 log-ts log-waiting-l-init log-waiting-l-noimg
log-waiting-l-nosecret log-waiting-l-pend name-63-indexed-422 name-dots-indexed namespace-mismatch-400
namespace-not-found-404 object-too-large-etcd pod-eviction pod-indexed-gpu-succeeded pod-l-init pod-l-noimg
pod-l-nosecret pod-l-pend pod-on-notready-node pod-oomkilled pod-starterror-128 pod-unschedulable-k-a100
pod-unschedulable-k-gpu9 psa-restricted-job-create-warning put-stale-409 request-too-large-413 ssa-conflict-409
ssa-conflict-409-template ssa-same-other-manager ssa-too-large-1700000 unknown-field-Strict unknown-group-404
watch-expired-410 watch-future-rv watch-initial-bookmark watch-old-rv
""".split()

DROPPED = {"managedFields", "Audit-Id", "user", "tolerations"}


def trimmed(value):
    if isinstance(value, dict):
        return {key: trimmed(item) for key, item in value.items() if key not in DROPPED}
    if isinstance(value, list):
        return [trimmed(item) for item in value]
    return value


def main(recordings, folder):
    for name in NAMES:
        value = trimmed(json.loads((recordings / f"{name}.json").read_text()))
        if isinstance(value, dict) and "request" in value:
            request = value["request"]
            value["request"] = {key: request[key] for key in ("method", "path")}
        (folder / f"{name}.json").write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


main(*map(pathlib.Path, sys.argv[1:]))
