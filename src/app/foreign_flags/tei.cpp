#include "app/foreign_flags/programs.h"

namespace weir::app {

std::vector<FlagGroup> flags_of_tei() {
  return {
      {kName, {"--model-id", "--served-model-name"}},
      {"here --port", {"-p"}},
      {"here --host", {"--hostname"}},
      {"here --port: /metrics is on the same one", {"--prometheus-port"}},
      {"here --threads", {"--tokenization-workers"}},
      {"here --queue-requests and --max-connections", {"--max-concurrent-requests"}},
      {kSequences, {"--max-batch-requests"}},
      {"here --max-body and --queue-requests", {"--max-client-batch-size"}},
      {"here --max-body", {"--payload-limit"}},
      {"here --log-format json", {"--json-output"}},
      {kOrigins, {"--cors-allow-origin"}},
      {"weir takes that from each request: \"truncate\": true", {"--auto-truncate"}},
      {kFolder, {"--default-prompt-name", "--default-prompt", "--pooling", "--dense-path"}},
      {kNoDownload, {"--huggingface-hub-cache", "--hf-api-token", "--hf-token", "--revision"}},
      {kNoTraces, {"--otlp-endpoint", "--otlp-service-name", "--disable-spans"}},
      {kNoSockets, {"--uds-path"}},
      {kBuild, {"--device-id"}},
  };
}

}  // namespace weir::app
