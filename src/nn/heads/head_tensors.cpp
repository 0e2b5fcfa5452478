#include "nn/heads/head_tensors.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "weir/base/excerpt.h"
#include "weir/nn/config.h"

namespace weir::nn {

HeadTensors::HeadTensors(std::string path)
    : path_(std::move(path)), weights_(open_head_weights(path_, Numbers::read)) {}

at::Tensor HeadTensors::get(const std::string& name, at::IntArrayRef shape) {
  const at::Tensor tensor = weights_->get(name, shape).to(at::kFloat).contiguous();
  const float* begin = tensor.const_data_ptr<float>();
  const float* end = begin + tensor.numel();
  const float* wrong =
      std::find_if_not(begin, end, [](float number) { return std::abs(number) <= kMostNumber; });
  if (wrong == end) return tensor;
  std::ostringstream text;
  text << path_ << ": " << excerpt(name) << " holds " << *wrong << "; " << -kMostNumber << " to "
       << kMostNumber << " is possible";
  throw LoadError(text.str());
}

void HeadTensors::check_all_read() const {
  weights_->check_unchanged();
  const auto unused = weights_->unused();
  if (unused.empty()) return;
  throw LoadError(path_ + " holds the tensor " + excerpt(unused.front()) +
                  ", which no layer of head.json names");
}

}  // namespace weir::nn
