// Dense layers, with or without ReLU, and their gradients.
#pragma once

#include <cstddef>

namespace lab {

// Sizes of one call; a shape in memory is row-major.
struct Dense {
  size_t batch, inputs, units;  // x: [batch, inputs], kernel: [inputs, units]
  bool relu;

  void forward(const float* x, const float* kernel, const float* bias, float* output) const;
  // The gradient of x, from that of the output. `output` says where ReLU has cut off.
  void gradInput(const float* gradient, const float* output, const float* kernel,
                 float* result) const;
  // The gradients of kernel and bias.
  void gradKernel(const float* gradient, const float* output, const float* x, float* kernel,
                  float* bias) const;
};

}  // namespace lab
