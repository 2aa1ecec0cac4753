#include "adam.h"

#include <cmath>

#include "threads.h"

namespace lab {

void Adam::step(size_t count, const float* values, const float* means, const float* squares,
                const float* gradients, float* nextValues, float* nextMeans,
                float* nextSquares) const {
  parallelPieces(count, [&](size_t start, size_t end) {
    const float new1 = 1 - beta1, new2 = 1 - beta2;
#pragma GCC ivdep
    for (size_t i = start; i < end; i++) {
      const float gradient = gradients[i];
      const float mean = means[i] + (gradient - means[i]) * new1;
      const float square = squares[i] + (gradient * gradient - squares[i]) * new2;
      nextMeans[i] = mean;
      nextSquares[i] = square;
      nextValues[i] = values[i] - rate * mean / (std::sqrt(square) + epsilon);
    }
  });
}

}  // namespace lab
