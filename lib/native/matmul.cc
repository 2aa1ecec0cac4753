#include "matmul.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "lanes.h"
#include "threads.h"

namespace lab {
namespace {

// Sums that are in registers together: with AVX-512 there are 32 registers, else half as many, of half
// the length or less.
#if defined(__AVX512F__)
constexpr size_t kRows = 8, kVectors = 2;
#else
constexpr size_t kRows = 4, kVectors = 1;
#endif
constexpr size_t kColumns = kVectors * kLanes;
// Depth that is summed up by itself, as a long sum rounds off more than a few short ones.
constexpr size_t kDepth = 128;
// Rows that are one thread's piece of work.
constexpr size_t kPiece = 8 * kRows;

// `depth` rows of kColumns columns of b.
struct Panel {
  const float* values;
  size_t stride;
};

// Copies a panel, with zeros where there are no columns.
void pack(const Matrix& b, size_t depth, size_t first, size_t present, float* to) {
  if (present < kColumns) std::fill_n(to, depth * kColumns, 0);
  for (size_t p = 0; !b.transposed && p < depth; p++) {
    std::copy_n(b.values + p * b.stride + first, present, to + p * kColumns);
  }
  if (!b.transposed) return;
  for (size_t j = 0; j < present; j += kLanes) {
    const size_t width = std::min(kLanes, present - j);
    const float* from = b.values + (first + j) * b.stride;
    size_t p = 0;
    for (; width == kLanes && p + kLanes <= depth; p += kLanes) {
      Lanes rows[kLanes];
      for (size_t i = 0; i < kLanes; i++) rows[i] = load(from + i * b.stride + p);
      transpose(rows);
      for (size_t i = 0; i < kLanes; i++) store(to + (p + i) * kColumns + j, rows[i]);
    }
    for (; p < depth; p++) {
      for (size_t i = 0; i < width; i++) to[p * kColumns + j + i] = from[i * b.stride + p];
    }
  }
}

// A few rows of c, kColumns columns of them, of which `present` are there.
template <size_t rows>
void tile(const Matrix& a, size_t row, const Panel& panel, size_t depth, size_t present, float* c,
          size_t columns, const Lanes (&bias)[kVectors], bool relu) {
  Lanes totals[rows][kVectors] = {};
  const size_t across = a.transposed ? 1 : a.stride, along = a.transposed ? a.stride : 1;
  const float* left = a.values + row * across;
  const float* right = panel.values;
  for (size_t done = 0; done < depth; done += kDepth) {
    Lanes sums[rows][kVectors] = {};
    const size_t end = std::min(depth, done + kDepth);
    for (size_t p = done; p < end; p++, left += along, right += panel.stride) {
      Lanes factors[kVectors];
      for (size_t v = 0; v < kVectors; v++) factors[v] = load(right + v * kLanes);
      for (size_t i = 0; i < rows; i++) {
        const Lanes factor = all(left[i * across]);
        for (size_t v = 0; v < kVectors; v++) sums[i][v] += factor * factors[v];
      }
    }
    for (size_t i = 0; i < rows; i++) {
      for (size_t v = 0; v < kVectors; v++) totals[i][v] += sums[i][v];
    }
  }
  for (size_t i = 0; i < rows; i++) {
    for (size_t v = 0; v < kVectors; v++) {
      const Lanes sum = totals[i][v] + bias[v];
      const Masks cut = sum <= Lanes{};
      totals[i][v] = relu ? (cut ? Lanes{} : sum) : sum;
    }
    float* to = c + i * columns;
    if (present == kColumns) {
      for (size_t v = 0; v < kVectors; v++) store(to + v * kLanes, totals[i][v]);
    } else {
      std::memcpy(to, totals[i], present * sizeof(float));
    }
  }
}

}  // namespace

void matmul(const Matrix& a, const Matrix& b, size_t rows, size_t depth, size_t columns, float* c,
            const Ending& ending) {
  const size_t panels = (columns + kColumns - 1) / kColumns;
  const auto present = [&](size_t panel) { return std::min(kColumns, columns - panel * kColumns); };
  // What is read in order anyway stays where it is, but for columns that fill no panel; lines far apart
  // that many rows need are worth a copy.
  const bool direct = !b.transposed && (rows <= kPiece || depth <= 512);
  const size_t whole = direct ? columns / kColumns : 0;
  std::vector<std::unique_ptr<float[]>> packed(panels);
  parallel(panels - whole, [&](size_t work) {
    const size_t panel = whole + work;
    packed[panel].reset(new float[depth * kColumns]);
    pack(b, depth, panel * kColumns, present(panel), packed[panel].get());
  });
  const size_t pieces = (rows + kPiece - 1) / kPiece;
  parallel(panels * pieces, [&](size_t work) {
    const size_t panel = work % panels, first = work / panels * kPiece;
    const Panel from = packed[panel] ? Panel{packed[panel].get(), kColumns}
                                     : Panel{b.values + panel * kColumns, b.stride};
    Lanes bias[kVectors] = {};
    if (ending.bias != nullptr) {
      std::memcpy(bias, ending.bias + panel * kColumns, present(panel) * sizeof(float));
    }
    for (size_t row = first; row < std::min(first + kPiece, rows);) {
      float* to = c + row * columns + panel * kColumns;
      if (rows - row >= kRows) {
        tile<kRows>(a, row, from, depth, present(panel), to, columns, bias, ending.relu);
        row += kRows;
      } else {
        tile<1>(a, row, from, depth, present(panel), to, columns, bias, ending.relu);
        row++;
      }
    }
  });
}

}  // namespace lab
