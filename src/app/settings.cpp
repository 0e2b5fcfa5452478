#include <algorithm>

#include "app/setting.h"
#include "app/settle.h"

namespace weir::app {
namespace {

using List = std::vector<std::string>;
using std::chrono::milliseconds;

const std::string& text(const Value& value) { return std::get<std::string>(value); }
int64_t whole(const Value& value) { return std::get<int64_t>(value); }
/// The number; 0 for auto.
uint32_t whole_or_auto(const Value& value) {
  return static_cast<uint32_t>(std::max<int64_t>(0, whole(value)));
}

std::vector<Setting> address() {
  return {
      {.name = "host",
       .fallback = "127.0.0.1",
       .help =
           "Address to listen on. Anything but loopback wants keys, api-key or insecure-no-auth.",
       .apply = [](Config& config, const Value& value) { config.host = text(value); },
       .settle = settle_host,
       .word = "HOST"},
      {.name = "port",
       .kind = Kind::whole,
       .fallback = "8080",
       .help = "Port to listen on; 0 takes a free one.",
       .apply = [](Config& config,
                   const Value& value) { config.port = static_cast<int>(whole(value)); },
       .least = 0,
       .most = 65535},
  };
}

std::vector<Setting> models() {
  return {
      {.name = "model",
       .kind = Kind::list,
       .help =
           "Models to serve: NAME=DIR[,dtype=float32][,max-model-len=N][,head=HEADDIR], or DIR "
           "alone. NAME may hold slashes; a DIR with a comma stands in double quotes. A HEADDIR "
           "holds a further head (head.json, head.safetensors); several may be given.",
       .apply = [](Config& config, const Value& value) { config.models = std::get<List>(value); },
       .word = "NAME=DIR"},
      {.name = "models-dir",
       .help = "Serves each sub-folder that has a config.json under its name, but for hidden ones, "
               "or the folder itself if it is one model.",
       .apply = [](Config& config, const Value& value) { config.models_dir = text(value); },
       .word = "DIR"},
      {.name = "require-all",
       .kind = Kind::toggle,
       .fallback = "false",
       .help = "Ends at the first model that cannot be loaded, instead of serving the others.",
       .apply = [](Config& config,
                   const Value& value) { config.require_all = std::get<bool>(value); }},
      {.name = "dtype",
       .kind = Kind::choice,
       .fallback = "auto",
       .help = "Type of weights and cache. auto: bfloat16, but float32 for encoders where neither "
               "the processor nor a GPU computes it.",
       .apply = [](Config& config, const Value& value) { config.dtype = text(value); },
       .choices = {"auto", "float32", "bfloat16"}},
      {.name = "load-format",
       .kind = Kind::choice,
       .fallback = "auto",
       .help = "dummy serves random weights, to measure without them.",
       .apply = [](Config& config, const Value& value) { config.load_format = text(value); },
       .choices = {"auto", "dummy"}},
      {.name = "max-model-len",
       .kind = Kind::whole,
       .fallback = "0",
       .help = "Tokens of prompt and completion together; 0: what the model takes.",
       .apply =
           [](Config& config, const Value& value) {
             config.max_model_len = static_cast<uint32_t>(whole(value));
           },
       .least = 0,
       .most = 16'777'216},
  };
}

std::vector<Setting> engine() {
  return {
      {.name = "max-num-seqs",
       .kind = Kind::whole,
       .fallback = "auto",
       .help = "Sequences of one step. auto: 64; on a GPU 512, and 1024 with 64 GiB free.",
       .apply = [](Config& config,
                   const Value& value) { config.max_num_seqs = whole_or_auto(value); },
       .least = 1,
       .most = 65536,
       .has_auto = true},
      {.name = "max-batch-tokens",
       .kind = Kind::whole,
       .fallback = "auto",
       .help = "Tokens of one step. auto: 2048; on a GPU 8192, and 16384 of an encoder.",
       .apply = [](Config& config,
                   const Value& value) { config.max_batch_tokens = whole_or_auto(value); },
       .least = 1,
       .most = 1'048'576,
       .has_auto = true},
      {.name = "max-chunk-tokens",
       .kind = Kind::whole,
       .fallback = "auto",
       .help = "Prompt tokens of a step in which others decode: fewer make their next token come "
               "sooner. auto, or 0: 8 to 64 by what decodes; on a GPU max-num-seqs, at least 512.",
       .apply = [](Config& config,
                   const Value& value) { config.max_chunk_tokens = whole_or_auto(value); },
       .least = 0,
       .most = 1'048'576,
       .has_auto = true},
      {.name = "memory",
       .kind = Kind::bytes,
       .fallback = "auto",
       .help =
           "For the keys and values of all models. auto: 1.125 times the weights or one "
           "full-length sequence of each, 256MiB to 4GiB, at most a quarter of what is free and "
           "what a container's limit leaves; on a GPU what its first steps leave, but a "
           "twentieth of what was free.",
       .apply =
           [](Config& config, const Value& value) {
             config.memory = whole(value) < 0 ? 0 : static_cast<uint64_t>(whole(value));
           },
       .least = 1 << 20,
       .most = int64_t{64} << 40,
       .has_auto = true},
      {.name = "page-size",
       .kind = Kind::whole,
       .fallback = "16",
       .help = "Tokens of a page of the cache.",
       .apply = [](Config& config,
                   const Value& value) { config.page_size = static_cast<uint32_t>(whole(value)); },
       .least = 1,
       .most = 256},
      {.name = "prefix-cache",
       .kind = Kind::choice,
       .fallback = "on",
       .help = "Keeps the pages of prompts, so that what starts alike need not be computed again.",
       .apply = [](Config& config,
                   const Value& value) { config.prefix_cache = text(value) == "on"; },
       .choices = {"on", "off"}},
      {.name = "drafts",
       .kind = Kind::choice,
       .fallback = "on",
       .help = "Guesses the next tokens from the text so far and computes them beside the latest, "
               "where that pays: the same text, sooner where it repeats itself. Processors only.",
       .apply = [](Config& config, const Value& value) { config.drafts = text(value) == "on"; },
       .choices = {"on", "off"}},
      {.name = "threads",
       .kind = Kind::whole,
       .fallback = "auto",
       .help =
           "Threads that compute. auto, or 0: one a core that the process may use, no more than "
           "its container's quota of processor time.",
       .apply = [](Config& config,
                   const Value& value) { config.threads = static_cast<int>(whole_or_auto(value)); },
       .least = 0,
       .most = 1024,
       .has_auto = true},
  };
}

std::vector<Setting> clients() {
  return {
      {.name = "keys",
       .help = "Key file (`weir key new NAME` makes its lines); read again when it changes.",
       .apply = [](Config& config, const Value& value) { config.keys = text(value); },
       .refuses_empty_flag = true,
       .word = "FILE"},
      {.name = "api-key",
       .kind = Kind::secret,
       .help = "One key that may do everything, beside those of the key file.",
       .apply = [](Config& config, const Value& value) { config.api_key = text(value); },
       .settle = settle_secret,
       .refuses_empty_flag = true,
       .word = "KEY"},
      {.name = "insecure-no-auth",
       .kind = Kind::toggle,
       .fallback = "false",
       .help = "Serves everybody who reaches the port, without keys, also on other addresses than "
               "loopback.",
       .apply = [](Config& config,
                   const Value& value) { config.insecure_no_auth = std::get<bool>(value); }},
      {.name = "max-wait",
       .kind = Kind::duration,
       .fallback = "2s",
       .help = "How long a request may wait for its rate limits before it is refused; a key's own "
               "max_wait goes before.",
       .apply = [](Config& config,
                   const Value& value) { config.max_wait = std::get<milliseconds>(value); }},
      {.name = "data-dir",
       .help = "Folder for what outlives a run: usage by day, key and model, and with it quotas. "
               "Empty: usage is not kept, and quotas begin anew with each run.",
       .apply = [](Config& config, const Value& value) { config.data_dir = text(value); },
       .word = "DIR"},
  };
}

std::vector<Setting> waiting() {
  return {
      {.name = "queue-requests",
       .kind = Kind::whole,
       .fallback = "4096",
       .help = "Requests that may wait for one model; above it 503.",
       .apply =
           [](Config& config, const Value& value) {
             config.queue_requests = static_cast<size_t>(whole(value));
           },
       .least = 1,
       .most = 1'000'000},
      {.name = "queue-tokens",
       .kind = Kind::whole,
       .fallback = "4194304",
       .help = "Prompt tokens that may wait for one model; above it 503.",
       .apply = [](Config& config,
                   const Value& value) { config.queue_tokens = static_cast<size_t>(whole(value)); },
       .least = 1,
       .most = 1'000'000'000},
      {.name = "brownout",
       .kind = Kind::list,
       .help =
           "What to do for new requests while so many wait for a model, and until half as many "
           "do: queue>=200:max-tokens=64, queue>=400:min-priority=5, queue>=300:model=big>small.",
       .apply = [](Config& config, const Value& value) { config.brownout = std::get<List>(value); },
       .word = "RULE"},
  };
}

std::vector<Setting> answers() {
  return {
      {.name = "response-cache",
       .kind = Kind::bytes,
       .fallback = "0",
       .help =
           "Memory for the answers of requests that are always answered alike: greedy "
           "generations (temperature 0), vectors, labels and spans. An equal request of the same "
           "tenant is answered from memory, and equal requests at the same time run once; 0: "
           "off.",
       .apply =
           [](Config& config, const Value& value) {
             config.response_cache = static_cast<size_t>(whole(value));
           },
       .least = 0,
       .most = int64_t{1} << 40},
      {.name = "trust-control-tokens",
       .kind = Kind::toggle,
       .fallback = "false",
       .help = "Takes the text of a control token, such as <|im_end|>, in a message for the token "
               "itself: a client's text can then end its turn and write another's. Otherwise it is "
               "plain text.",
       .apply = [](Config& config,
                   const Value& value) { config.trust_control_tokens = std::get<bool>(value); }},
      {.name = "accept-embedding-ids",
       .kind = Kind::toggle,
       .fallback = "true",
       .help = "Takes token ids as inputs of /v1/embeddings. Clients send those of OpenAI's "
               "tokenizer, which mean other words here; false refuses them.",
       .apply = [](Config& config,
                   const Value& value) { config.accept_embedding_ids = std::get<bool>(value); }},
  };
}

std::vector<Setting> http() {
  return {
      {.name = "max-body",
       .kind = Kind::bytes,
       .fallback = "16MiB",
       .help = "Largest body of a request.",
       .apply = [](Config& config,
                   const Value& value) { config.max_body = static_cast<size_t>(whole(value)); },
       .least = 1 << 10,
       .most = int64_t{1} << 30},
      {.name = "max-connections",
       .kind = Kind::whole,
       .fallback = "2048",
       .help = "Connections that are open at once. Those that only wait take no thread.",
       .apply = [](Config& config,
                   const Value& value) { config.max_connections = static_cast<int>(whole(value)); },
       .least = 1,
       .most = 65536},
      {.name = "overload-status",
       .kind = Kind::choice,
       .fallback = "503",
       .help = "Status of what is refused because too much waits; some gateways retry only 429.",
       .apply = [](Config& config,
                   const Value& value) { config.overload_status = std::stoi(text(value)); },
       .choices = {"503", "429"}},
      {.name = "ietf-headers",
       .kind = Kind::choice,
       .fallback = "off",
       .help = "Tells limits in the headers RateLimit and RateLimit-Policy too.",
       .apply = [](Config& config,
                   const Value& value) { config.ietf_headers = text(value) == "on"; },
       .choices = {"off", "on"}},
      {.name = "unknown-fields",
       .kind = Kind::choice,
       .fallback = "ignore",
       .help = "What becomes of a request's fields that are not known: ignored, and named in the "
               "header x-weir-ignored; or refused.",
       .apply = [](Config& config,
                   const Value& value) { config.refuse_unknown_fields = text(value) == "refuse"; },
       .choices = {"ignore", "refuse"}},
      {.name = "cors-origins",
       .kind = Kind::list,
       .help = "Origins whose web pages may call the API; * is all.",
       .apply = [](Config& config,
                   const Value& value) { config.cors_origins = std::get<List>(value); },
       .word = "ORIGIN"},
      {.name = "allowed-hosts",
       .kind = Kind::list,
       .help =
           "Names under which clients without keys may ask, beside localhost, loopback addresses "
           "and host; * is any. Empty: any, unless host is loopback.",
       .apply = [](Config& config,
                   const Value& value) { config.allowed_hosts = std::get<List>(value); },
       .word = "HOST"},
      {.name = "keep-alive",
       .kind = Kind::duration,
       .fallback = "75s",
       .help =
           "How long an idle connection stays open; a load balancer that keeps its own for longer "
           "wants more than that here. 0s closes after each answer.",
       .apply = [](Config& config,
                   const Value& value) { config.keep_alive = std::get<milliseconds>(value); }},
  };
}

std::vector<Setting> stop() {
  return {
      {.name = "drain-delay",
       .kind = Kind::duration,
       .fallback = "0s",
       .help =
           "How long new requests are still taken after SIGTERM, while /ready says 503: until load "
           "balancers know.",
       .apply = [](Config& config,
                   const Value& value) { config.drain_delay = std::get<milliseconds>(value); }},
      {.name = "drain-timeout",
       .kind = Kind::duration,
       .fallback = "30s",
       .help = "How long running requests may go on after SIGTERM.",
       .apply = [](Config& config,
                   const Value& value) { config.drain_timeout = std::get<milliseconds>(value); }},
  };
}

std::vector<Setting> log() {
  return {
      {.name = "log-format",
       .kind = Kind::choice,
       .fallback = "text",
       .help = "Lines of the log, on standard error.",
       .apply = [](Config& config, const Value& value) { config.log_format = text(value); },
       .choices = {"text", "json"}},
      {.name = "log-level",
       .kind = Kind::choice,
       .fallback = "info",
       .help = "The least that is logged.",
       .apply = [](Config& config, const Value& value) { config.log_level = text(value); },
       .choices = {"trace", "debug", "info", "warning", "error", "critical", "off"},
       .word = "LEVEL"},
  };
}

std::vector<Setting> all() {
  const std::pair<const char*, std::vector<Setting>> parts[] = {{"Address", address()},
                                                                {"Models", models()},
                                                                {"Steps and memory", engine()},
                                                                {"Keys and limits", clients()},
                                                                {"Waiting", waiting()},
                                                                {"Answers", answers()},
                                                                {"HTTP", http()},
                                                                {"Stop", stop()},
                                                                {"Log", log()}};
  std::vector<Setting> table;
  for (const auto& [group, part] : parts) {
    for (Setting setting : part) {
      setting.group = group;
      table.push_back(std::move(setting));
    }
  }
  return table;
}

}  // namespace

std::span<const Setting> settings() {
  static const std::vector<Setting> kTable = all();
  return kTable;
}

}  // namespace weir::app
