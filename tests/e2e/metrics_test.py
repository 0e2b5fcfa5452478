"""The families of /metrics with their types and labels: dashboards and autoscalers know them by name."""
import os
import re
from concurrent.futures import ThreadPoolExecutor

import requests

from daemon import ROOT, Daemon
from keys_test import new_key

TINY = os.path.join(ROOT, "tests/golden/tiny")
LLAMA, BERT = "llama-gqa-tied", "bert-mean"
FAMILIES = """
process_cpu_seconds_total counter
process_max_fds gauge
process_open_fds gauge
process_resident_memory_bytes gauge
process_start_time_seconds gauge
process_threads gauge
process_virtual_memory_bytes gauge
vllm:cache_config_info gauge block_size,engine,model_name,num_gpu_blocks
vllm:e2e_request_latency_seconds histogram engine,model_name
vllm:generation_tokens_total counter engine,model_name
vllm:inter_token_latency_seconds histogram engine,model_name
vllm:iteration_tokens_total histogram engine,model_name
vllm:kv_cache_usage_perc gauge engine,model_name
vllm:num_preemptions_total counter engine,model_name
vllm:num_requests_running gauge engine,model_name
vllm:num_requests_waiting gauge engine,model_name
vllm:prefix_cache_hits_total counter engine,model_name
vllm:prefix_cache_queries_total counter engine,model_name
vllm:prompt_tokens_total counter engine,model_name
vllm:request_decode_time_seconds histogram engine,model_name
vllm:request_generation_tokens histogram engine,model_name
vllm:request_inference_time_seconds histogram engine,model_name
vllm:request_params_max_tokens histogram engine,model_name
vllm:request_prefill_time_seconds histogram engine,model_name
vllm:request_prompt_tokens histogram engine,model_name
vllm:request_queue_time_seconds histogram engine,model_name
vllm:request_success_total counter engine,finished_reason,model_name
vllm:request_time_per_output_token_seconds histogram engine,model_name
vllm:spec_decode_num_accepted_tokens_total counter engine,model_name
vllm:spec_decode_num_draft_tokens_total counter engine,model_name
vllm:time_to_first_token_seconds histogram engine,model_name
weir_brownout_active gauge model,rule
weir_brownout_requests_total counter model,rule
weir_cached_tokens_total counter model
weir_capacity_backlog_seconds gauge model
weir_capacity_caution gauge model
weir_capacity_first_token_p99_seconds gauge model
weir_capacity_first_token_target_seconds gauge model
weir_capacity_tokens_per_second gauge model,phase
weir_draft_tokens_accepted_total counter model
weir_draft_tokens_total counter model
weir_generated_tokens_total counter model
weir_http_connections gauge
weir_http_ignored_fields_total counter
weir_http_request_seconds histogram route
weir_http_requests_total counter route,status
weir_intake_bytes gauge
weir_intake_refused_total counter
weir_intake_running gauge
weir_intake_waiting gauge
weir_inter_token_seconds histogram model
weir_kv_cache_page_tokens gauge model
weir_kv_cache_pages gauge model
weir_kv_cache_usage gauge model
weir_log_lines_dropped_total counter
weir_model_failure_info gauge model,reason
weir_model_state gauge model,state
weir_preemptions_total counter model
weir_prefix_cache_hit_tokens_total counter model
weir_prefix_cache_queried_tokens_total counter model
weir_prompt_tokens_total counter model
weir_refused_total counter model,reason
weir_request_decode_seconds histogram model
weir_request_generated_tokens histogram model
weir_request_inference_seconds histogram model
weir_request_max_tokens histogram model
weir_request_prefill_seconds histogram model
weir_request_prompt_tokens histogram model
weir_request_queue_seconds histogram model
weir_request_seconds histogram model
weir_request_seconds_per_token histogram model
weir_requests_running gauge model
weir_requests_total counter finish_reason,model
weir_requests_waiting gauge model
weir_response_cache_answers gauge
weir_response_cache_bytes gauge
weir_response_cache_total counter model,outcome
weir_step_seconds histogram model
weir_step_tokens histogram model
weir_time_to_first_token_seconds histogram model
"""


def families(text):
    """A line for each family: type, name, names of its labels."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    labels = {name: set() for name in kinds}
    for name, shown in re.findall(r"^([a-z0-9_:]+)(?:\{(.*)\})? \S+$", text, re.M):
        family = name if name in kinds else re.sub("_(bucket|sum|count)$", "", name)
        labels[family].add(",".join(sorted(set(re.findall(r'(\w+)="', shown)) - {"le"})))
    for name, sets in labels.items():
        assert len(sets) == 1, f"{name} has series with the labels {sets}"
    return sorted(f"{name} {kinds[name]} {sets.pop()}".strip() for name, sets in labels.items())


def test_every_family_is_there(tmp_path):
    secret, toml = new_key("web")
    keys = tmp_path / "keys.toml"
    keys.write_text(toml + f'\n[[model]]\nname = "{LLAMA}"\ncapacity = "auto"\nfirst_token_p99 = "60s"\n')
    (tmp_path / "broken").mkdir()
    models = [f"{LLAMA}={TINY}/{LLAMA}", f"{BERT}={TINY}/{BERT}", f"broken={tmp_path}/broken"]
    with Daemon(*(word for each in models for word in ("--model", each)), "--keys", str(keys), "--max-num-seqs", "1",
                "--response-cache", "1MiB", "--brownout", "queue>=1:max-tokens=50") as daemon:
        daemon.ready()
        headers = {"authorization": f"Bearer {secret}"}
        body = {"model": LLAMA, "prompt": "a river", "max_tokens": 100, "ignore_eos": True}
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: daemon.post("/v1/completions", body, headers=headers), range(20)))
        answers += [daemon.post("/v1/completions", {**body, "temperature": 0}, headers=headers) for _ in range(2)]
        answers.append(daemon.post("/v1/embeddings", {"model": BERT, "input": "x"}, headers=headers))
        assert {answer.status_code for answer in answers} == {200}
        text = requests.get(daemon.url + "/metrics", timeout=10).text
    assert families(text) == FAMILIES.strip().split("\n")
