#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/config.h"
#include "weir/base/result.h"

namespace weir::app {

/// One model to serve. Options that it does not have are filled in from the daemon's settings.
struct ModelChoice {
  std::string name;
  std::string directory;
  std::vector<std::string> heads = {};  // folders of further heads
  std::string dtype;                    // auto, float32, bfloat16
  uint32_t max_model_len = 0;           // 0: the model's own
};

/// Reads "NAME=DIR[,dtype=...][,max-model-len=N][,head=HEADDIR]..." or "DIR[,...]"; then the model
/// has the folder's name. A folder in double quotes may have commas.
Result<ModelChoice> parse_model(const std::string& text, const Config& config);

/// Errors: the directory is no folder, or has no config.json.
Result<void> check_folder(const ModelChoice& choice);

/// The models of `--model` and `--models-dir`.
struct ModelChoices {
  std::vector<ModelChoice> models;   // at least one
  std::vector<std::string> skipped;  // a line for each folder that is not served
};

/// Errors: a wrong text, a repeated name, no folder with a model.
Result<ModelChoices> choose_models(const Config& config);

}  // namespace weir::app
