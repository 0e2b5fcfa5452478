// y = W x + b
#include "nn/heads/head_layer.h"

namespace weir::nn {
namespace {

class LinearLayer final : public HeadLayer {
 public:
  explicit LinearLayer(std::unique_ptr<Linear> linear) : linear_(std::move(linear)) {}
  at::Tensor forward(const at::Tensor& x, std::span<const int32_t>,
                     const Pass& pass) const override {
    return linear_->logits(x, pass);
  }

 private:
  std::unique_ptr<Linear> linear_;
};

}  // namespace

std::unique_ptr<HeadLayer> make_linear_layer(const HeadLayerArgs& args, const ConfigFile& entry,
                                             int64_t& columns) {
  check_size(entry, "in_features", columns, "what comes in has");
  const int64_t out = entry.size("out_features");
  check_wording(entry, "formula", {"W x + b", "logits = W x + b"});
  check_wording(entry, "output", {"logits", "emissions"});
  check_shape(entry, "weight_shape", {out, columns});
  check_shape(entry, "bias_shape", {out});
  LinearSource source{.weights = {args.tensors.get(entry.text("weight"), {out, columns})}};
  if (entry.has("bias")) source.biases.push_back(args.tensors.get(entry.text("bias"), {out}));
  columns = out;
  return std::make_unique<LinearLayer>(args.backend.linear(source, at::kFloat));
}

}  // namespace weir::nn
