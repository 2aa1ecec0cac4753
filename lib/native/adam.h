// A step of Adam.
#pragma once

#include <cstddef>

namespace lab {

// What a step of Adam (Kingma and Ba, 2015) takes besides tensors.
struct Adam {
  float rate;     // learning rate, the corrections of both means' bias in it
  float beta1;    // what is kept of the mean of gradients
  float beta2;    // and of the mean of their squares
  float epsilon;  // added to the root of the uncorrected mean of squares

  // Writes what was trained and both means as they are after the step.
  void step(size_t count, const float* values, const float* means, const float* squares,
            const float* gradients, float* nextValues, float* nextMeans, float* nextSquares) const;
};

}  // namespace lab
