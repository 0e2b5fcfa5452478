#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/config.h"
#include "weir/base/result.h"

namespace weir::app {

/// One model to serve, its own options already filled in from the daemon's.
struct ModelChoice {
  std::string name;
  std::string directory;
  std::vector<std::string> heads = {};  // folders of further heads
  std::string dtype;                    // auto, float32, bfloat16
  uint32_t max_model_len = 0;           // 0: the model's own
};

/// Reads "NAME=DIR[,dtype=...][,max-model-len=N][,head=HEADDIR]..." or "DIR[,...]", whose name is
/// the folder's. A folder in double quotes may hold commas.
Result<ModelChoice> parse_model(const std::string& text, const Config& config);

/// Errors: its directory is no folder, or one without a config.json.
Result<void> check_folder(const ModelChoice& choice);

/// The models of `--model` and `--models-dir`.
struct ModelChoices {
  std::vector<ModelChoice> models;   // at least one
  std::vector<std::string> skipped;  // a line for each folder whose name is none for a model
};

/// Errors: a wrong text, a name twice, no folder that holds a model.
Result<ModelChoices> choose_models(const Config& config);

}  // namespace weir::app
