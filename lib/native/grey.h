// The gradients of ConvReluPool for images of one channel, whose patches would leave most lanes of a
// vector idle: as in the forward pass, sixteen images stand side by side.
#pragma once

#include <vector>

#include "conv_relu_pool.h"

namespace lab {

// Whether there is a way for one channel and this size of the kernel.
inline bool isGrey(const ConvReluPool& op) { return op.channels == 1 && op.size == 5; }

// gradImages() and gradKernel(), the latter for one block of images.
void greyGradImages(const ConvReluPool& op, const float* gradient, const float* kernel,
                    const uint8_t* winners, float* result);
// Kernels by filters: [filters][size][size].
void greyGradKernel(const ConvReluPool& op, size_t block, const float* gradient, const float* images,
                    const uint8_t* winners, std::vector<float>& kernel, std::vector<float>& bias);

}  // namespace lab
