#include "grey.h"

#include <algorithm>
#include <vector>

#include "lanes.h"
#include "threads.h"

namespace lab {
namespace {

// Of the kernel: constant, so that the sums of a row are in registers.
constexpr size_t size = 5;

}  // namespace

void greyGradImages(const ConvReluPool& op, const float* gradient, const float* kernel,
                    const uint8_t* winners, float* result) {
  const size_t pixels = op.height * op.width, inRow = op.columns() * op.filters;
  const size_t outputs = op.rows() * inRow;
  std::vector<float> weights(op.filters * size * size);
  for (size_t i = 0; i < size * size; i++) {
    for (size_t f = 0; f < op.filters; f++) weights[f * size * size + i] = kernel[i * op.filters + f];
  }
  parallel(op.blocks(), [&](size_t block) {
    const size_t first = block * kLanes, present = std::min(kLanes, op.batch - first);
    std::vector<float> sums(pixels * kLanes), slopes(inRow * kLanes), placed(4 * op.filters * kLanes);
    const uint8_t* places = winners + block * op.winners();
    for (size_t y = 0; y < op.rows(); y++) {
      interleave(gradient + first * outputs + y * inRow, outputs, inRow, present, slopes.data());
      for (size_t x = 0; x < op.columns(); x++) {
        for (size_t f = 0; f < op.filters; f++, places += kLanes) {
          const Masks winner = widened(places);
          const Lanes slope = load(&slopes[(x * op.filters + f) * kLanes]);
          // All four places of the square are tried for each filter.
          for (int32_t place = 0; place < 4; place++) {
            store(&placed[(4 * f + place) * kLanes], winner == place ? slope : Lanes{});
          }
        }
        for (size_t row = 0; row <= size; row++) {
          float* to = &sums[((2 * y + row) * op.width + 2 * x) * kLanes];
          Lanes line[size + 1];
          for (size_t i = 0; i <= size; i++) line[i] = load(to + i * kLanes);
          for (size_t down = row == size; down < 2 && down <= row; down++) {
            for (size_t f = 0; f < op.filters; f++) {
              const Lanes left = load(&placed[(4 * f + 2 * down) * kLanes]);
              const Lanes right = load(&placed[(4 * f + 2 * down + 1) * kLanes]);
              const float* weight = &weights[(f * size + row - down) * size];
              for (size_t i = 0; i < size; i++) {
                line[i] += left * all(weight[i]);
                line[i + 1] += right * all(weight[i]);
              }
            }
          }
          for (size_t i = 0; i <= size; i++) store(to + i * kLanes, line[i]);
        }
      }
    }
    separate(sums.data(), pixels, present, result + first * pixels, pixels);
  });
}

void greyGradKernel(const ConvReluPool& op, size_t block, const float* gradient, const float* images,
                    const uint8_t* winners, std::vector<float>& kernel, std::vector<float>& bias) {
  const size_t pixels = op.height * op.width, inRow = op.columns() * op.filters;
  const size_t outputs = op.rows() * inRow, taps = size * size;
  const size_t first = block * kLanes, present = std::min(kLanes, op.batch - first);
  std::vector<float> mine(pixels * kLanes), slopes(inRow * kLanes);
  std::vector<float> sums(op.filters * taps * kLanes), totals(op.filters * kLanes);
  interleave(images + first * pixels, pixels, pixels, present, mine.data());
  for (size_t y = 0; y < op.rows(); y++) {
    interleave(gradient + first * outputs + y * inRow, outputs, inRow, present, slopes.data());
    for (size_t f = 0; f < op.filters; f++) {
      Lanes sum[taps], total = load(&totals[f * kLanes]);
      for (size_t i = 0; i < taps; i++) sum[i] = load(&sums[(f * taps + i) * kLanes]);
      for (size_t x = 0; x < op.columns(); x++) {
        const Masks winner = widened(
            winners + block * op.winners() + ((y * op.columns() + x) * op.filters + f) * kLanes);
        const Lanes slope = load(&slopes[(x * op.filters + f) * kLanes]);
        total += winner == ConvReluPool::kNone ? Lanes{} : slope;
        for (int32_t place = 0; place < 4; place++) {
          const Lanes placed = winner == place ? slope : Lanes{};
          const float* corner = &mine[((2 * y + place / 2) * op.width + 2 * x + place % 2) * kLanes];
          for (size_t i = 0; i < taps; i++) {
            sum[i] += placed * load(corner + (i / size * op.width + i % size) * kLanes);
          }
        }
      }
      for (size_t i = 0; i < taps; i++) store(&sums[(f * taps + i) * kLanes], sum[i]);
      store(&totals[f * kLanes], total);
    }
  }
  for (size_t i = 0; i < kernel.size(); i++) kernel[i] = added(load(&sums[i * kLanes]));
  for (size_t f = 0; f < bias.size(); f++) bias[f] = added(load(&totals[f * kLanes]));
}

}  // namespace lab
