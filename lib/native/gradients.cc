#include "conv_relu_pool.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "grey.h"
#include "lanes.h"
#include "threads.h"

namespace lab {
namespace {

// The pixels under a kernel, in vectors that the lines of the image begin anew.
struct Patch {
  size_t line;       // numbers in a line of the image
  size_t rowLength;  // numbers in a row of the patch, rounded up to whole vectors
  size_t length;     // numbers in all its rows

  explicit Patch(const ConvReluPool& op)
      : line(op.width * op.channels),
        rowLength(rounded(op.size * op.channels, kLanes)),
        length(op.size * rowLength) {}

  // Calls work(where in the image, where in the patch, how many vectors as a constant), a few
  // vectors of a row at a time.
  template <typename Work>
  void each(const Work& work) const {
    for (size_t start = 0; start < length;) {
      const size_t inRow = start % rowLength, offset = start / rowLength * line + inRow;
      const size_t left = (rowLength - inRow) / kLanes;
      if (left >= 4) {
        work(offset, start, std::integral_constant<size_t, 4>());
        start += 4 * kLanes;
      } else {
        work(offset, start, std::integral_constant<size_t, 1>());
        start += kLanes;
      }
    }
  }
};

// The kernel by filters: [filters][patch.length], zero where the vectors are longer than the rows.
std::vector<float> byFilter(const ConvReluPool& op, const float* kernel) {
  const Patch patch(op);
  const size_t inRow = op.size * op.channels;
  std::vector<float> result(op.filters * patch.length);
  for (size_t i = 0; i < op.size * inRow; i++) {
    for (size_t f = 0; f < op.filters; f++) {
      result[f * patch.length + i / inRow * patch.rowLength + i % inRow] =
          kernel[i * op.filters + f];
    }
  }
  return result;
}

// What the gradient of one value of the output is.
struct Slope {
  size_t filter;
  float value;
};

// Goes through the squares of one image: calls work(where in the image, slopes, how many) for each
// place of a square with those of the filters whose largest sum stood there.
template <typename Work>
void eachSquare(const ConvReluPool& op, size_t image, const float* gradient, const uint8_t* winners,
                std::vector<Slope>& slopes, const Work& work) {
  const float* from = gradient + image * op.rows() * op.columns() * op.filters;
  const uint8_t* places = winners + image / kLanes * op.winners() + image % kLanes;
  for (size_t y = 0; y < op.rows(); y++) {
    for (size_t x = 0; x < op.columns(); x++) {
      size_t counts[5] = {}; // the last is of those that ReLU cut off
      for (size_t f = 0; f < op.filters; f++, from++, places += kLanes) {
        slopes[*places * op.filters + counts[*places]++] = {f, *from};
      }
      for (size_t place = 0; place < 4; place++) {
        const size_t at = ((2 * y + place / 2) * op.width + 2 * x + place % 2) * op.channels;
        if (counts[place] > 0) work(at, &slopes[place * op.filters], counts[place]);
      }
    }
  }
}

// gradKernel() of a block of images: patches are added to what each filter has so far.
void gradPatches(const ConvReluPool& op, size_t block, const float* gradient, const float* images,
                 const uint8_t* winners, std::vector<float>& kernel, std::vector<float>& bias) {
  const Patch patch(op);
  const size_t pixels = op.height * op.width * op.channels;
  const size_t first = block * kLanes, present = std::min(kLanes, op.batch - first);
  std::vector<float> mine(pixels + kLanes);
  std::vector<Slope> slopes(5 * op.filters);
  for (size_t image = first; image < first + present; image++) {
    // A copy, as vectors reach beyond the last pixel.
    std::copy_n(images + image * pixels, pixels, mine.data());
    eachSquare(op, image, gradient, winners, slopes, [&](size_t at, const Slope* from, size_t count) {
      patch.each([&](size_t offset, size_t start, auto vectors) {
        Lanes part[vectors];
        for (size_t v = 0; v < vectors; v++) part[v] = load(&mine[at + offset + v * kLanes]);
        for (size_t i = 0; i < count; i++) {
          float* to = &kernel[from[i].filter * patch.length + start];
          const Lanes slope = all(from[i].value);
          for (size_t v = 0; v < vectors; v++) {
            store(to + v * kLanes, load(to + v * kLanes) + slope * part[v]);
          }
        }
      });
      for (size_t i = 0; i < count; i++) bias[from[i].filter] += from[i].value;
    });
  }
}

}  // namespace

void ConvReluPool::gradImages(const float* gradient, const float* kernel, const uint8_t* winners,
                              float* result) const {
  if (isGrey(*this)) return greyGradImages(*this, gradient, kernel, winners, result);
  const Patch patch(*this);
  const size_t pixels = height * width * channels;
  const std::vector<float> weights = byFilter(*this, kernel);
  parallel(batch, [&](size_t image) {
    std::vector<float> sums(pixels + kLanes); // as vectors reach beyond the last pixel
    std::vector<Slope> slopes(5 * filters);
    eachSquare(*this, image, gradient, winners, slopes, [&](size_t at, const Slope* from, size_t count) {
      patch.each([&](size_t offset, size_t start, auto vectors) {
        Lanes part[vectors];
        float* to = &sums[at + offset];
        for (size_t v = 0; v < vectors; v++) part[v] = load(to + v * kLanes);
        for (size_t i = 0; i < count; i++) {
          const float* weight = &weights[from[i].filter * patch.length + start];
          for (size_t v = 0; v < vectors; v++) part[v] += all(from[i].value) * load(weight + v * kLanes);
        }
        for (size_t v = 0; v < vectors; v++) store(to + v * kLanes, part[v]);
      });
    });
    std::copy_n(sums.data(), pixels, result + image * pixels);
  });
}

void ConvReluPool::gradKernel(const float* gradient, const float* images, const uint8_t* winners,
                              float* kernel, float* bias) const {
  // Each block's own sums, added up in their order: so the result is the same on any number of threads.
  const Patch patch(*this);
  const size_t taps = size * size * channels;
  const bool grey = isGrey(*this);
  std::vector<std::vector<float>> sums(blocks()), totals(blocks());
  parallel(blocks(), [&](size_t block) {
    totals[block].resize(filters);
    if (grey) {
      sums[block].resize(filters * taps);
      greyGradKernel(*this, block, gradient, images, winners, sums[block], totals[block]);
    } else {
      sums[block].resize(filters * patch.length);
      gradPatches(*this, block, gradient, images, winners, sums[block], totals[block]);
    }
  });
  const size_t inRow = size * channels, rowLength = grey ? inRow : patch.rowLength;
  for (size_t f = 0; f < filters; f++) {
    for (size_t i = 0; i < taps; i++) {
      float sum = 0;
      const size_t place = (f * size + i / inRow) * rowLength + i % inRow;
      for (const auto& one : sums) sum += one[place];
      kernel[i * filters + f] = sum;
    }
    bias[f] = 0;
    for (const auto& one : totals) bias[f] += one[f];
  }
}

void ConvReluPool::atWinners(const float* images, const float* kernel, const float* bias,
                             const uint8_t* winners, float* output) const {
  const Patch patch(*this);
  const size_t pixels = height * width * channels, outputs = rows() * columns() * filters;
  const std::vector<float> weights = byFilter(*this, kernel);
  parallel(batch, [&](size_t image) {
    std::vector<float> mine(pixels + kLanes); // as vectors reach beyond the last pixel
    std::copy_n(images + image * pixels, pixels, mine.data());
    const uint8_t* places = winners + image / kLanes * this->winners() + image % kLanes;
    for (size_t i = 0; i < outputs; i++, places += kLanes) {
      float* to = output + image * outputs + i;
      *to = 0;
      if (*places == kNone) continue;
      const size_t f = i % filters, square = i / filters;
      const size_t y = 2 * (square / columns()) + *places / 2;
      const size_t x = 2 * (square % columns()) + *places % 2;
      const float* corner = &mine[(y * width + x) * channels];
      Lanes sum{};
      for (size_t v = 0; v < patch.length; v += kLanes) {
        const size_t offset = v / patch.rowLength * patch.line + v % patch.rowLength;
        sum += load(corner + offset) * load(&weights[f * patch.length + v]);
      }
      *to = bias[f] + added(sum);
    }
  });
}

}  // namespace lab
