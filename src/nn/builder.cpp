#include "weir/nn/builder.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

namespace weir::nn {
namespace {

/// Zeros behind each head of dimension `dim`.
at::Tensor padded(const at::Tensor& x, int64_t dim, HeadPadding heads) {
  if (heads.from == heads.to) return x;
  const at::Tensor split = x.transpose(dim, -1).unflatten(-1, {-1, heads.from});
  return at::constant_pad_nd(split, {0, heads.to - heads.from})
      .flatten(-2)
      .transpose(dim, -1)
      .contiguous();
}

int64_t total(const std::vector<Part>& parts) {
  int64_t out = 0;
  for (const Part& part : parts) out += part.out;
  return out;
}

std::vector<at::Tensor> split(const at::Tensor& all, const std::vector<Part>& parts) {
  std::vector<at::Tensor> result;
  int64_t first = 0;
  for (const Part& part : parts) {
    result.push_back(all.narrow(0, first, part.out));
    first += part.out;
  }
  return result;
}

at::Tensor ordered(const at::Tensor& x, const std::vector<int64_t>& rows) {
  if (rows.empty() || x.is_meta()) return x;  // torch orders no tensors without numbers
  return at::index_select(x, 0, at::tensor(rows));
}

}  // namespace

Builder Builder::under(const std::string& prefix) const {
  Builder below = *this;
  below.prefix_ += prefix;
  return below;
}

Builder Builder::layer(const std::string& list, int64_t index) const {
  return under(list + "." + std::to_string(index) + ".");
}

at::Tensor Builder::table(const std::string& name, int64_t rows, int64_t columns) const {
  return tensor(name + ".weight", {rows, columns}).to(backend().device(), type());
}

at::Tensor Builder::weight(const Part& part, const LinearRole& role) const {
  const std::string name = part.name + ".weight";
  const at::Tensor weight = role.transposed ? tensor(name, {role.in, part.out}).t().contiguous()
                                            : tensor(name, {part.out, role.in});
  return padded(weight, 1, role.inputs);
}

at::Tensor Builder::bias(const Part& part, const LinearRole&) const {
  return tensor(part.name + ".bias", {part.out});
}

std::vector<at::Tensor> Builder::each(const std::vector<Part>& parts, const LinearRole& role,
                                      Read read) const {
  std::vector<at::Tensor> result;
  if (role.stacked.empty())
    for (const Part& part : parts) result.push_back((this->*read)(part, role));
  else
    result = split((this->*read)({role.stacked, total(parts)}, role), parts);
  for (size_t i = 0; i < parts.size(); ++i)
    result[i] = padded(ordered(result[i], parts[i].rows), 0, role.outputs);
  return result;
}

std::unique_ptr<Linear> Builder::linear(const std::vector<Part>& parts,
                                        const LinearRole& role) const {
  LinearSource source{
      .weights = each(parts, role, &Builder::weight), .biases = {}, .gate = role.gate};
  if (role.bias) source.biases = each(parts, role, &Builder::bias);
  return backend().linear(source, type());
}

Embedding Builder::embedding(const std::string& name, int64_t rows, int64_t columns) const {
  return {backend(), table(name, rows, columns), type()};
}

RmsNorm Builder::rms_norm(const std::string& name, int64_t columns, double eps) const {
  return {backend(), tensor(name + ".weight", {columns}), type(), eps};
}

LayerNorm Builder::layer_norm(const std::string& name, int64_t columns, double eps) const {
  // Checkpoints made from TensorFlow's call them gamma and beta.
  const bool old = !has(name + ".weight") && has(name + ".gamma");
  return {backend(), tensor(name + (old ? ".gamma" : ".weight"), {columns}),
          tensor(name + (old ? ".beta" : ".bias"), {columns}), type(), eps};
}

HeadNorm Builder::head_norm(const Shape& shape, double eps) const {
  return {backend(),
          {tensor("q_norm.weight", {shape.head_dim}), shape.heads},
          {tensor("k_norm.weight", {shape.head_dim}), shape.kv_heads},
          type(),
          eps};
}

}  // namespace weir::nn
