#include "weir/base/service_order.h"

#include <algorithm>

namespace weir {
namespace {

class FairOrder final : public ServiceOrder {
 public:
  uint32_t level(int priority, double) const override {
    return static_cast<uint32_t>(std::clamp(priority, 0, static_cast<int>(kLevels) - 1));
  }
  double charge(double cost, double weight) const override {
    constexpr double kLeastWeight = 1e-3;
    return cost / std::max(weight, kLeastWeight);
  }
};

}  // namespace

const ServiceOrder& fair_order() {
  static const FairOrder order;
  return order;
}

}  // namespace weir
