#include "conv_relu_pool.h"

#include <algorithm>
#include <vector>

#include "lanes.h"
#include "threads.h"

namespace lab {
namespace {

// Filters whose sums are in registers together, four for each: with AVX-512 there are 32 registers.
#if defined(__AVX512F__)
constexpr size_t kFilters = 5;
#else
constexpr size_t kFilters = 2;
#endif

// The kernel by groups of filters: [groups][size * size * channels][kFilters], zero where there is none.
std::vector<float> grouped(const ConvReluPool& op, const float* kernel) {
  const size_t taps = op.size * op.size * op.channels;
  std::vector<float> result(taps * rounded(op.filters, kFilters));
  for (size_t tap = 0; tap < taps; tap++) {
    for (size_t f = 0; f < op.filters; f++) {
      result[(f / kFilters * taps + tap) * kFilters + f % kFilters] = kernel[tap * op.filters + f];
    }
  }
  return result;
}

// The best of four sums and where it stood, for one filter of a group.
struct Best {
  Lanes value;
  Masks winner;
};

// One square of the pool: four pixels' sums for a group of filters, and the best of each.
inline void square(const ConvReluPool& op, const float* corner, const float* weights, Best* best) {
  Lanes sums[4][kFilters] = {};
  const size_t right = op.channels * kLanes, down = op.width * right;
  for (size_t y = 0; y < op.size; y++) {
    const float* from = corner + y * down;
    for (size_t tap = 0; tap < op.size * op.channels; tap++, from += kLanes) {
      const Lanes pixels[4] = {load(from), load(from + right), load(from + down),
                               load(from + down + right)};
      for (size_t f = 0; f < kFilters; f++) {
        const Lanes weight = all(*weights++);
        for (size_t place = 0; place < 4; place++) sums[place][f] += pixels[place] * weight;
      }
    }
  }
  for (size_t f = 0; f < kFilters; f++) {
    best[f] = {sums[0][f], Masks{}};
    for (int32_t place = 1; place < 4; place++) {
      // What is not a number wins, so that it is not lost.
      const Masks better = (sums[place][f] > best[f].value) | (sums[place][f] != sums[place][f]);
      best[f].value = better ? sums[place][f] : best[f].value;
      best[f].winner = better ? Masks{} + place : best[f].winner;
    }
  }
}

}  // namespace

void ConvReluPool::forward(const float* images, const float* kernel, const float* bias,
                           float* output, uint8_t* winners) const {
  const size_t pixels = height * width * channels, taps = size * size * channels;
  const size_t outputs = rows() * columns() * filters;
  const std::vector<float> weights = grouped(*this, kernel);
  parallel(blocks(), [&](size_t block) {
    const size_t first = block * kLanes, present = std::min(kLanes, batch - first);
    std::vector<float> mine(pixels * kLanes), row(columns() * filters * kLanes);
    interleave(images + first * pixels, pixels, pixels, present, mine.data());
    for (size_t y = 0; y < rows(); y++) {
      uint8_t* places = winners + block * this->winners() + y * row.size();
      for (size_t group = 0; group < filters; group += kFilters) {
        for (size_t x = 0; x < columns(); x++) {
          Best best[kFilters];
          square(*this, mine.data() + (2 * y * width + 2 * x) * channels * kLanes,
                 weights.data() + group * taps, best);
          for (size_t f = group; f < std::min(group + kFilters, filters); f++) {
            const Lanes value = best[f - group].value + all(bias[f]);
            const Masks cut = value <= Lanes{};
            store(&row[(x * filters + f) * kLanes], cut ? Lanes{} : value);
            const Masks winner = cut ? Masks{} + kNone : best[f - group].winner;
            narrow(winner, places + (x * filters + f) * kLanes);
          }
        }
      }
      separate(row.data(), columns() * filters, present,
               output + first * outputs + y * columns() * filters, outputs);
    }
  });
}

}  // namespace lab
