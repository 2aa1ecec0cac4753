#include "dense.h"

#include <algorithm>
#include <memory>

#include "matmul.h"
#include "threads.h"

namespace lab {
namespace {

// The gradient of what ReLU was given.
class Slopes {
 public:
  Slopes(const Dense& dense, const float* gradient, const float* output) : values_(gradient) {
    if (!dense.relu) return;
    const size_t count = dense.batch * dense.units;
    kept_.reset(new float[count]);
    parallelPieces(count, [&](size_t start, size_t end) {
      for (size_t i = start; i < end; i++) kept_[i] = output[i] > 0 ? gradient[i] : 0;
    });
    values_ = kept_.get();
  }

  const float* values() const { return values_; }

 private:
  const float* values_;
  std::unique_ptr<float[]> kept_;
};

}  // namespace

void Dense::forward(const float* x, const float* kernel, const float* bias, float* output) const {
  matmul({x, inputs, false}, {kernel, units, false}, batch, inputs, units, output, {bias, relu});
}

void Dense::gradInput(const float* gradient, const float* output, const float* kernel,
                      float* result) const {
  const Slopes slopes(*this, gradient, output);
  matmul({slopes.values(), units, false}, {kernel, units, true}, batch, units, inputs, result);
}

void Dense::gradKernel(const float* gradient, const float* output, const float* x, float* kernel,
                       float* bias) const {
  const Slopes slopes(*this, gradient, output);
  matmul({x, inputs, true}, {slopes.values(), units, false}, inputs, batch, units, kernel);
  std::fill_n(bias, units, 0);
  for (size_t row = 0; row < batch; row++) {
    for (size_t unit = 0; unit < units; unit++) bias[unit] += slopes.values()[row * units + unit];
  }
}

}  // namespace lab
