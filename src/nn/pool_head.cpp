#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <filesystem>

#include "weir/nn/heads.h"
#include "weir/nn/rows.h"

namespace weir::nn {
namespace {

class PoolHead final : public Head {
 public:
  PoolHead(Backend& backend, kernels::Pooling pooling, bool normalize)
      : backend_(backend), pooling_(pooling), normalize_(normalize) {}

  at::Tensor apply(const at::Tensor& hidden, const Inputs& inputs,
                   std::span<const RowTask> rows) const override {
    at::Tensor vectors =
        at::empty({inputs.ragged.rows, hidden.size(1)}, hidden.options().dtype(at::kFloat));
    backend_.ops().pool(rows_of(vectors), rows_of(hidden), inputs.ragged, pooling_, normalize_);
    std::vector<int64_t> wanted;
    for (size_t i = 0; i < rows.size(); ++i)
      if (rows[i].wants_output) wanted.push_back(static_cast<int64_t>(i));
    if (wanted.size() == rows.size()) return vectors;
    return at::index_select(
        vectors, 0, at::tensor(wanted, at::TensorOptions().dtype(at::kLong)).to(backend_.device()));
  }

 private:
  Backend& backend_;
  kernels::Pooling pooling_;
  bool normalize_;
};

kernels::Pooling pooling_of(const ConfigFile& config) {
  const std::pair<const char*, kernels::Pooling> known[] = {
      {"pooling_mode_mean_tokens", kernels::Pooling::mean},
      {"pooling_mode_cls_token", kernels::Pooling::cls},
      {"pooling_mode_lasttoken", kernels::Pooling::last}};
  int set = 0;
  kernels::Pooling pooling = kernels::Pooling::mean;
  for (const auto& [field, value] : known)
    if (config.boolean(field, false)) ++set, pooling = value;
  for (const char* field : {"pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens",
                            "pooling_mode_weightedmean_tokens"})
    if (config.boolean(field, false))
      config.refuse(std::string(field) + " is not supported (mean, cls, lasttoken)");
  if (set != 1)
    config.refuse(std::to_string(set) + " pooling modes are set; this takes exactly one");
  return pooling;
}

}  // namespace

std::unique_ptr<Head> make_pool_head(Backend& backend, kernels::Pooling pooling, bool normalize) {
  return std::make_unique<PoolHead>(backend, pooling, normalize);
}

std::unique_ptr<Head> make_sentence_head(Backend& backend, const std::string& directory,
                                         kernels::Pooling otherwise) {
  std::filesystem::path folder(directory), modules = folder / "modules.json";
  if (!std::filesystem::exists(modules)) return make_pool_head(backend, otherwise, true);
  ConfigFile list = ConfigFile::read_list(modules.string());
  kernels::Pooling pooling = otherwise;
  bool normalize = false;
  for (const auto& entry : list.json()["modules"]) {
    ConfigFile module(modules.string(), entry);
    std::string type = module.text("type", ""), kind = type.substr(type.find_last_of('.') + 1);
    if (kind == "Pooling") {
      pooling = pooling_of(
          ConfigFile::read((folder / module.text("path", "1_Pooling") / "config.json").string()));
    } else if (kind == "Normalize") {
      normalize = true;
    } else if (kind != "Transformer") {
      module.refuse("module " + type + " is not supported (Transformer, Pooling, Normalize)");
    }
  }
  return make_pool_head(backend, pooling, normalize);
}

}  // namespace weir::nn
