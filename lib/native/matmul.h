// Products of matrices.
#pragma once

#include <cstddef>

namespace lab {

// A matrix in memory, row-major or, transposed, by columns.
struct Matrix {
  const float* values;
  size_t stride;  // from one row in memory to the next
  bool transposed;
};

// What is done with each sum before it is written.
struct Ending {
  const float* bias = nullptr;  // added, one for each column, if there is one
  bool relu = false;            // what is negative becomes 0
};

// c = a b, where a has `rows` rows and b `columns` columns, `depth` apart. Each element is summed up
// in the order of the depth: it depends on nothing but its own row and column.
void matmul(const Matrix& a, const Matrix& b, size_t rows, size_t depth, size_t columns, float* c,
            const Ending& ending = {});

}  // namespace lab
