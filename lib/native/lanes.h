// Vectors of sixteen numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lab {

constexpr size_t kLanes = 16;

inline size_t rounded(size_t count, size_t to) { return (count + to - 1) / to * to; }

// The compiler turns these into what the processor has: one AVX-512 register, two of AVX, and so on.
typedef float Lanes __attribute__((vector_size(64)));
typedef int32_t Masks __attribute__((vector_size(64)));
typedef uint8_t Bytes __attribute__((vector_size(16)));

inline Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

inline void store(float* to, Lanes lanes) { std::memcpy(to, &lanes, sizeof lanes); }

// All lanes alike. Unlike a sum with 0, this difference is known to change nothing.
inline Lanes all(float value) { return value - Lanes{}; }

// The sum of all lanes.
inline float added(Lanes lanes) {
  float sum = 0;
  for (int lane = 0; lane < 16; lane++) sum += lanes[lane];
  return sum;
}

// Small integers from and to bytes.
inline Masks widened(const uint8_t* from) {
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(bytes, Masks);
}

inline void narrow(Masks lanes, uint8_t* to) {
  const Bytes bytes = __builtin_convertvector(lanes, Bytes);
  std::memcpy(to, &bytes, sizeof bytes);
}

// Picks lanes of two vectors, counting on through both.
template <typename Of>
inline Lanes pick(Lanes a, Lanes b, Of of) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7),
                                 of(8), of(9), of(10), of(11), of(12), of(13), of(14), of(15));
#else
  return __builtin_shuffle(a, b, Masks{of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7),
                                       of(8), of(9), of(10), of(11), of(12), of(13), of(14), of(15)});
#endif
}

// One stage of transpose(): exchanges lanes between rows that are `step` apart.
template <int32_t step>
inline void exchange(Lanes (&rows)[16]) {
#pragma GCC unroll 16
  for (int32_t row = 0; row < 16; row++) {
    if (row & step) continue;
    const Lanes a = rows[row], b = rows[row + step];
    rows[row] = pick(a, b, [](int32_t lane) { return lane & step ? 16 + lane - step : lane; });
    rows[row + step] = pick(a, b, [](int32_t lane) { return lane & step ? 16 + lane : lane + step; });
  }
}

// Rows become columns.
inline void transpose(Lanes (&rows)[16]) {
  exchange<1>(rows);
  exchange<2>(rows);
  exchange<4>(rows);
  exchange<8>(rows);
}

// Images side by side: [present][count] to [count][kLanes], zero where there is no image.
inline void interleave(const float* images, size_t stride, size_t count, size_t present, float* to) {
  size_t done = 0;
  for (; present == kLanes && done + kLanes <= count; done += kLanes) {
    Lanes rows[kLanes];
    for (size_t lane = 0; lane < kLanes; lane++) rows[lane] = load(images + lane * stride + done);
    transpose(rows);
    for (size_t i = 0; i < kLanes; i++) store(to + (done + i) * kLanes, rows[i]);
  }
  for (size_t i = done; i < count; i++) {
    for (size_t lane = 0; lane < kLanes; lane++) {
      to[i * kLanes + lane] = lane < present ? images[lane * stride + i] : 0;
    }
  }
}

// And back: [count][kLanes] to [present][count], where each image's numbers begin `stride` further.
inline void separate(const float* from, size_t count, size_t present, float* images, size_t stride) {
  size_t done = 0;
  for (; done + kLanes <= count; done += kLanes) {
    Lanes rows[kLanes];
    for (size_t i = 0; i < kLanes; i++) rows[i] = load(from + (done + i) * kLanes);
    transpose(rows);
    for (size_t lane = 0; lane < present; lane++) store(images + lane * stride + done, rows[lane]);
  }
  for (size_t lane = 0; lane < present; lane++) {
    for (size_t i = done; i < count; i++) images[lane * stride + i] = from[i * kLanes + lane];
  }
}

}  // namespace lab
