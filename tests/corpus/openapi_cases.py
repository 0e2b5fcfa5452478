"""Holds the daemon against its /openapi.json: requests that the document allows, and others that it does not, made by schemathesis.

Fails if the daemon ends; if an answer is 5xx but 503 (or 504 where the request sets its own deadline); if its status, type, headers or
body are not in the document; if a request that the document does not allow is taken; or if one that it allows is refused for a reason that
is not among REASONS. schemathesis gets an environment of its own under .deps/openapi.
usage: .deps/venv/bin/python tests/corpus/openapi_cases.py [--cases 2000] [--seed N]
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, "tests/corpus"), os.path.join(ROOT, "tests/e2e")]

CHAT, VECTORS = "smollm2-135m-instruct", "all-minilm-l6-v2"
READING = ("/v1/embeddings", "/v1/classify", "/v1/tag", "/v1/analyze")  # routes that VECTORS answers

MOST_TOKENS = 4  # of a completion
BODY_SHARE = 5   # cases of a route that takes a body for each of another

VOCABULARY = 30000  # ids below are those of both models
IDS = ("prompt", "input", "tokens", "allowed_token_ids", "stop_token_ids")

# What a request may be refused for that the document allows: schemas say nothing of two fields together, of the models, or of the day.
REASONS = [
    r"only allowed with", r"not allowed with", r"over max_tokens", r"; give one$", r"^give either prompt or messages", r"did you mean",
    r"maximum context length", r"^model is missing; choose one of", r"is not served; served", r"^the model \".*\" does not exist",
    r"this model's ids are", r"is empty$", r"has no tokens$", r"has more than \d+ bytes in all", r"max_tokens must be from 1", r"^usage is not kept here",
    r"may see only its own usage", r"this model's vectors have",
    r"this model computes \d+ sequences at a time$", r"with(out)? num_beams above 1$", r"over num_beams", r"which a beam search does not take",
    r"of an echo with n above 1$", r"beams looks at \d+ ids",
    r"^truncate_prompt_tokens is \d+; (this model adds|\d+ to \d+ is allowed)",
]


@dataclass
class Findings:
    statuses: Counter = field(default_factory=Counter)
    refusals: Counter = field(default_factory=Counter)  # of what the document allows
    faults: list = field(default_factory=list)


def sets_deadline(headers, body):
    names = {name.lower() for name in headers or {}}
    return "x-weir-deadline-ms" in names or (isinstance(body, dict) and body.get("timeout") is not None)


def is_fault(status, headers, body):
    """Whether no document excuses this status."""
    return status >= 500 and status != 503 and not (status == 504 and sets_deadline(headers, body))


def refusal_is_known(message):
    return any(re.search(reason, message) for reason in REASONS)


def made_short(body):
    """The same body with a short completion, so that many can be asked for."""
    if not isinstance(body, dict) or not ({"prompt", "messages"} & set(body)):
        return body
    for name in ("max_tokens", "max_completion_tokens"):
        if isinstance(body.get(name), (int, float)) and body[name] > MOST_TOKENS:
            body[name] = MOST_TOKENS
    if body.get("max_tokens") is None and body.get("max_completion_tokens") is None:
        body["max_tokens"] = MOST_TOKENS
    return body


def known_ids(value):
    """Most numbers in lists made ids that the models have; some stay as they are."""
    if isinstance(value, list):
        return [known_ids(item) for item in value]
    is_id = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= VOCABULARY
    return int(value) % VOCABULARY if is_id and int(value) % 64 else value


def made_likely(path, body):
    """An allowed body with a model that is served and ids that it has, so that most are answered."""
    if not isinstance(body, dict):
        return body
    model = body.get("model")
    if model is None or isinstance(model, str) and len(model) % 8:
        body["model"] = VECTORS if path in READING else CHAT
    body.pop("decoder_prompt", None)  # CHAT has no encoder
    for name in IDS:
        if isinstance(body.get(name), list):
            body[name] = known_ids(body[name])
    if isinstance(body.get("logit_bias"), dict):
        body["logit_bias"] = {str(known_ids(int(name))) if name.isdecimal() and name.isascii() else name: bias
                              for name, bias in body["logit_bias"].items()}
    return made_short(body)


def environment():
    """The Python of .deps/openapi, with exactly what scripts/pins/openapi.txt says."""
    place = os.path.join(os.environ.get("WEIR_DEPS_DIR", os.path.join(ROOT, ".deps")), "openapi")
    pins, stamp = os.path.join(ROOT, "scripts/pins/openapi.txt"), os.path.join(place, "pins.txt")
    with open(pins, encoding="utf-8") as f:
        wanted = f.read()
    if not os.path.exists(stamp) or open(stamp, encoding="utf-8").read() != wanted:
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", place], check=True)
        subprocess.run([f"{place}/bin/pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "-r", pins], check=True)
        with open(stamp, "w", encoding="utf-8") as f:
            f.write(wanted)
    return f"{place}/bin/python"


def judge(case, response, findings):
    """One answer against the document, by schemathesis' checks and ours."""
    from schemathesis import specs
    from schemathesis.core.failures import Failure, FailureGroup
    from schemathesis.generation import GenerationMode

    checks = specs.openapi.checks
    positive = case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE
    said = f"{case.method} {case.formatted_path} {dict(case.headers or {})} {case.query} {str(case.body)[:600]}"
    findings.statuses[response.status_code] += 1
    if is_fault(response.status_code, case.headers, case.body):
        findings.faults.append(f"{response.status_code}: {said}\n  {response.text[:300]}")
    try:
        case.validate_response(response, checks=[checks.status_code_conformance, checks.content_type_conformance,
                                                 checks.response_headers_conformance, checks.response_schema_conformance,
                                                 checks.negative_data_rejection])
    except (Failure, FailureGroup) as failure:
        findings.faults.append(f"{said}\n  {failure}")
    if positive and 400 <= response.status_code < 500:
        message = response.json()["error"]["message"]
        findings.refusals[re.sub(r"\d+|\"[^\"]*\"", "_", message)[:90]] += 1
        if not refusal_is_known(message):
            findings.faults.append(f"{said}\n  refused, though the document allows it: {message[:200]}")


def run_cases(operation, mode, count, seed, findings):
    import hypothesis
    from schemathesis.generation import GenerationMode

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=count, database=None, deadline=None, phases=[hypothesis.Phase.generate],
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def one(case):
        positive = mode == GenerationMode.POSITIVE
        case.body = made_likely(operation.path, case.body) if positive else made_short(case.body)
        judge(case, case.call(timeout=120), findings)

    try:
        one()
    except hypothesis.errors.Unsatisfiable:  # nothing of it can be wrong
        pass


def run_operation(operation, count, seed, findings):
    from schemathesis.generation import GenerationMode

    run_cases(operation, GenerationMode.POSITIVE, count - count // 2, seed, findings)
    if count // 2:
        run_cases(operation, GenerationMode.NEGATIVE, count // 2, seed, findings)


def run(daemon, count, seed):
    import schemathesis

    schema = schemathesis.openapi.from_url(daemon.url + "/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    # Those without a body have few cases; what they leave goes to the others.
    operations.sort(key=lambda operation: bool(operation.body))
    left = sum(BODY_SHARE if operation.body else 1 for operation in operations)
    findings = Findings()
    for operation in operations:
        share = BODY_SHARE if operation.body else 1
        to_come = count - sum(findings.statuses.values())
        run_operation(operation, max(2, round(to_come * share / left)), seed, findings)
        left -= share
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=21)
    args = parser.parse_args()
    try:
        import schemathesis  # noqa: F401
    except ImportError:
        python = environment()
        os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])
    from daemon import Daemon, model

    with Daemon(*model(CHAT), *model(VECTORS, ["minilm-sentiment", "minilm-ner-crf"]), "--dtype", "float32") as daemon:
        daemon.ready()
        findings = run(daemon, args.cases, args.seed)
        ended = daemon.process.poll()
    print(json.dumps({"cases": sum(findings.statuses.values()), "statuses": dict(sorted(findings.statuses.items())),
                      "refused though allowed": dict(findings.refusals.most_common())}, indent=1, ensure_ascii=False))
    for fault in findings.faults:
        print(fault)
    if findings.faults or ended is not None:
        sys.exit(f"{len(findings.faults)} faults; the daemon {'runs' if ended is None else f'ended with {ended}'}")


if __name__ == "__main__":
    main()
