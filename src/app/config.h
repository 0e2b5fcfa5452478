#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::app {

/// The daemon's settings: each is decided, checked and typed. `Given` has what the user gave.
struct Config {
  std::string host;
  int port = 0;
  std::vector<std::string> models;  // as given: NAME=DIR[,option...]
  std::string models_dir;           // empty: none
  bool require_all = false;
  std::string dtype, load_format;
  uint32_t max_model_len = 0;                                             // 0: the model's own
  uint32_t max_num_seqs = 0, max_batch_tokens = 0, max_chunk_tokens = 0;  // 0: by the device
  uint32_t page_size = 0;
  uint64_t memory = 0;  // bytes; 0: auto
  bool prefix_cache = true, drafts = true;
  int threads = 0;            // 0: auto
  std::string keys, api_key;  // empty: none
  bool insecure_no_auth = false;
  std::chrono::milliseconds max_wait{0};
  std::string data_dir;  // empty: nothing is kept between runs
  size_t queue_requests = 0, queue_tokens = 0;
  size_t response_cache = 0;  // bytes; 0: off
  bool trust_control_tokens = false, accept_embedding_ids = true;
  std::vector<std::string> brownout;  // rules, as given
  size_t max_body = 0;
  int max_connections = 0;
  int overload_status = 0;
  bool ietf_headers = false;
  bool refuse_unknown_fields = false;
  std::vector<std::string> cors_origins, allowed_hosts;
  std::chrono::milliseconds keep_alive{0}, drain_delay{0}, drain_timeout{0};
  std::string log_format, log_level;
};

}  // namespace weir::app
