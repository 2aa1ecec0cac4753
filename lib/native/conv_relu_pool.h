// Convolution (stride 1, no padding), bias, ReLU and 2 by 2 max-pool as one operation, with its
// gradients.
//
// Its result is that of the four operations. What makes it fast: sixteen images stand side by side
// in a vector, so that no number of channels leaves lanes idle; the pool picks among sums that are
// still in registers; and the gradients pass each of the pool's values on from where it stood alone,
// a quarter of a convolution's work, less what ReLU has cut off.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lanes.h"

namespace lab {

// Sizes of one call; a shape in memory is row-major.
struct ConvReluPool {
  size_t batch, height, width, channels;  // images: [batch, height, width, channels]
  size_t size, filters;                   // kernel: [size, size, channels, filters]

  // Of the output: [batch, rows(), columns(), filters].
  size_t rows() const { return (height - size + 1) / 2; }
  size_t columns() const { return (width - size + 1) / 2; }
  // Vectors of images; the last one may be partly empty.
  size_t blocks() const { return (batch + kLanes - 1) / kLanes; }
  // Of the winners: [blocks(), rows(), columns(), filters, kLanes].
  size_t winners() const { return rows() * columns() * filters * kLanes; }

  // Where each value of the output stood in its square: 0 to 3 from the top left, or kNone where
  // ReLU cut it off.
  static constexpr uint8_t kNone = 4;

  void forward(const float* images, const float* kernel, const float* bias, float* output,
               uint8_t* winners) const;
  // The gradient of the images, from that of the output.
  void gradImages(const float* gradient, const float* kernel, const uint8_t* winners,
                  float* result) const;
  // The gradients of kernel and bias.
  void gradKernel(const float* gradient, const float* images, const uint8_t* winners, float* kernel,
                  float* bias) const;
  // The output of other images or weights where given winners stand: what forward() is the
  // derivative of, along any of its arguments.
  void atWinners(const float* images, const float* kernel, const float* bias,
                 const uint8_t* winners, float* output) const;
};

}  // namespace lab
