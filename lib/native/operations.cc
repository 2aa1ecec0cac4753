// The lab's operations, known to TensorFlow as soon as this library is loaded.
#include <exception>
#include <initializer_list>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "adam.h"
#include "conv_relu_pool.h"
#include "dense.h"
#include "matmul.h"
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"

namespace lab {
namespace {

struct StatusDeleter {
  void operator()(TF_Status* status) const { TF_DeleteStatus(status); }
};
using Status = std::unique_ptr<TF_Status, StatusDeleter>;
Status newStatus() { return Status(TF_NewStatus()); }

using Shape = std::vector<int64_t>;
size_t sizeOf(const Shape& shape) {
  size_t size = 1;
  for (const int64_t one : shape) size *= one;
  return size;
}

// One run of an operation: its inputs and outputs. After a failure, which the first one names, it gives
// null pointers: ask failed() before they are used.
class Run {
 public:
  explicit Run(TF_OpKernelContext* context) : context_(context), status_(newStatus()) {}
  ~Run() {
    for (TF_Tensor* tensor : tensors_) TF_DeleteTensor(tensor);
  }

  Shape shape(int input) {
    Shape sizes;
    if (TF_Tensor* tensor = get(input)) {
      for (int i = 0; i < TF_NumDims(tensor); i++) sizes.push_back(TF_Dim(tensor, i));
    }
    return sizes;
  }

  // The input's shape; fails if its rank is another one.
  Shape shape(int input, size_t rank) {
    Shape sizes = shape(input);
    expect(sizes.size() == rank, "input " + std::to_string(input) + " has another rank");
    sizes.resize(rank, 1);
    return sizes;
  }

  template <typename T>
  const T* input(int input, size_t count) {
    TF_Tensor* tensor = get(input);
    if (tensor == nullptr) return nullptr;
    expect(TF_TensorByteSize(tensor) == count * sizeof(T),
           "input " + std::to_string(input) + " has another size");
    return failed_ ? nullptr : static_cast<const T*>(TF_TensorData(tensor));
  }

  template <typename T>
  T* output(int output, TF_DataType dtype, const Shape& shape) {
    if (failed_) return nullptr;
    TF_Tensor* tensor = TF_AllocateOutput(context_, output, dtype, shape.data(), shape.size(),
                                          sizeOf(shape) * sizeof(T), status_.get());
    if (!keep(tensor)) return nullptr;
    return static_cast<T*>(TF_TensorData(tensor));
  }

  void expect(bool holds, const std::string& otherwise) {
    if (!holds) fail(TF_INVALID_ARGUMENT, otherwise.c_str());
  }

  void fail(TF_Code code, const char* message) {
    if (failed_) return;
    TF_SetStatus(status_.get(), code, message);
    report();
  }

  bool failed() const { return failed_; }

 private:
  TF_Tensor* get(int input) {
    if (failed_) return nullptr;
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, input, &tensor, status_.get());
    return keep(tensor) ? tensor : nullptr;
  }

  // Whether TensorFlow gave a tensor; it is then deleted in the end.
  bool keep(TF_Tensor* tensor) {
    if (tensor != nullptr) tensors_.push_back(tensor);
    if (TF_GetCode(status_.get()) != TF_OK) report();
    return !failed_;
  }

  void report() {
    failed_ = true;
    TF_OpKernelContext_Failure(context_, status_.get());
  }

  TF_OpKernelContext* const context_;
  const Status status_;
  // Kept beside the status, which TensorFlow's functions overwrite when they succeed.
  bool failed_ = false;
  std::vector<TF_Tensor*> tensors_;
};

// Sizes of images and kernel, if they fit.
ConvReluPool sizes(Run& run, const Shape& images, const Shape& kernel) {
  run.expect(kernel[0] == kernel[1] && kernel[2] == images[3] && kernel[0] > 0,
             "the kernel does not fit the images");
  run.expect(images[1] > kernel[0] && images[2] > kernel[0],
             "the images are too small");
  return {size_t(images[0]), size_t(images[1]), size_t(images[2]),
          size_t(images[3]), size_t(kernel[0]), size_t(kernel[3])};
}

size_t pixels(const ConvReluPool& op) { return op.batch * op.height * op.width * op.channels; }
size_t weights(const ConvReluPool& op) { return op.size * op.size * op.channels * op.filters; }
size_t values(const ConvReluPool& op) { return op.batch * op.rows() * op.columns() * op.filters; }
size_t places(const ConvReluPool& op) { return op.blocks() * op.winners(); }
Shape outputShape(const ConvReluPool& op) {
  return {int64_t(op.batch), int64_t(op.rows()), int64_t(op.columns()), int64_t(op.filters)};
}

// The settings of an operation; 0 where it has none.
struct Settings {
  int32_t height = 0, width = 0, size = 0, transposeA = 0, transposeB = 0, relu = 0;
};

void convReluPool(const Settings&, Run& run) {
  const auto op = sizes(run, run.shape(0, 4), run.shape(1, 4));
  if (run.failed()) return;
  const auto images = run.input<float>(0, pixels(op)), kernel = run.input<float>(1, weights(op));
  const auto bias = run.input<float>(2, op.filters);
  const auto output = run.output<float>(0, TF_FLOAT, outputShape(op));
  const auto winners = run.output<uint8_t>(1, TF_UINT8, {int64_t(places(op))});
  if (!run.failed()) op.forward(images, kernel, bias, output, winners);
}

void gradImages(const Settings& settings, Run& run) {
  const Shape gradient = run.shape(0, 4), kernel = run.shape(1, 4);
  const Shape shape{gradient[0], settings.height, settings.width, kernel[2]};
  const auto op = sizes(run, shape, kernel);
  if (run.failed()) return;
  const auto from = run.input<float>(0, values(op)), by = run.input<float>(1, weights(op));
  const auto winners = run.input<uint8_t>(2, places(op));
  const auto result = run.output<float>(0, TF_FLOAT, shape);
  if (!run.failed()) op.gradImages(from, by, winners, result);
}

void gradKernel(const Settings& settings, Run& run) {
  const Shape gradient = run.shape(0, 4), images = run.shape(1, 4);
  const Shape shape{settings.size, settings.size, images[3], gradient[3]};
  const auto op = sizes(run, images, shape);
  if (run.failed()) return;
  const auto from = run.input<float>(0, values(op)), by = run.input<float>(1, pixels(op));
  const auto winners = run.input<uint8_t>(2, places(op));
  const auto kernel = run.output<float>(0, TF_FLOAT, shape);
  const auto bias = run.output<float>(1, TF_FLOAT, {gradient[3]});
  if (!run.failed()) op.gradKernel(from, by, winners, kernel, bias);
}

void atWinners(const Settings&, Run& run) {
  const auto op = sizes(run, run.shape(0, 4), run.shape(1, 4));
  if (run.failed()) return;
  const auto images = run.input<float>(0, pixels(op)), kernel = run.input<float>(1, weights(op));
  const auto bias = run.input<float>(2, op.filters);
  const auto winners = run.input<uint8_t>(3, places(op));
  const auto output = run.output<float>(0, TF_FLOAT, outputShape(op));
  if (!run.failed()) op.atWinners(images, kernel, bias, winners, output);
}

void product(const Settings& settings, Run& run) {
  const Shape a = run.shape(0, 2), b = run.shape(1, 2);
  const bool transposeA = settings.transposeA, transposeB = settings.transposeB;
  const int64_t rows = a[transposeA], depth = a[!transposeA], columns = b[!transposeB];
  run.expect(b[transposeB] == depth, "the matrices do not fit");
  const auto left = run.input<float>(0, a[0] * a[1]), right = run.input<float>(1, b[0] * b[1]);
  const auto c = run.output<float>(0, TF_FLOAT, {rows, columns});
  if (run.failed()) return;
  matmul({left, size_t(a[1]), transposeA}, {right, size_t(b[1]), transposeB}, rows, depth, columns,
         c);
}

void dense(const Settings& settings, Run& run) {
  const Shape x = run.shape(0, 2), kernel = run.shape(1, 2);
  run.expect(x[1] == kernel[0], "the kernel does not fit the input");
  const Dense op{size_t(x[0]), size_t(x[1]), size_t(kernel[1]), settings.relu != 0};
  const auto from = run.input<float>(0, sizeOf(x)), by = run.input<float>(1, sizeOf(kernel));
  const auto bias = run.input<float>(2, op.units);
  const auto output = run.output<float>(0, TF_FLOAT, {x[0], kernel[1]});
  if (!run.failed()) op.forward(from, by, bias, output);
}

void denseGradInput(const Settings& settings, Run& run) {
  const Shape gradient = run.shape(0, 2), kernel = run.shape(2, 2);
  run.expect(gradient[1] == kernel[1], "the kernel does not fit the gradient");
  const Dense op{size_t(gradient[0]), size_t(kernel[0]), size_t(kernel[1]), settings.relu != 0};
  const size_t count = sizeOf(gradient);
  const auto from = run.input<float>(0, count), output = run.input<float>(1, count);
  const auto by = run.input<float>(2, sizeOf(kernel));
  const auto result = run.output<float>(0, TF_FLOAT, {gradient[0], kernel[0]});
  if (!run.failed()) op.gradInput(from, output, by, result);
}

void denseGradKernel(const Settings& settings, Run& run) {
  const Shape gradient = run.shape(0, 2), x = run.shape(2, 2);
  run.expect(gradient[0] == x[0], "the input does not fit the gradient");
  const Dense op{size_t(x[0]), size_t(x[1]), size_t(gradient[1]), settings.relu != 0};
  const size_t count = sizeOf(gradient);
  const auto from = run.input<float>(0, count), output = run.input<float>(1, count);
  const auto by = run.input<float>(2, sizeOf(x));
  const auto kernel = run.output<float>(0, TF_FLOAT, {x[1], gradient[1]});
  const auto bias = run.output<float>(1, TF_FLOAT, {gradient[1]});
  if (!run.failed()) op.gradKernel(from, output, by, kernel, bias);
}

void adam(const Settings&, Run& run) {
  const Shape shape = run.shape(0);
  const size_t count = sizeOf(shape);
  const float* tensors[4];
  for (int i = 0; i < 4; i++) tensors[i] = run.input<float>(i, count);
  float settings[4];
  for (int i = 0; i < 4; i++) {
    const float* setting = run.input<float>(4 + i, 1);
    if (run.failed()) return;
    settings[i] = *setting;
  }
  float* results[3];
  for (int i = 0; i < 3; i++) results[i] = run.output<float>(i, TF_FLOAT, shape);
  if (run.failed()) return;
  const Adam adam{settings[0], settings[1], settings[2], settings[3]};
  adam.step(count, tensors[0], tensors[1], tensors[2], tensors[3], results[0], results[1],
            results[2]);
}

// An operation by name. Attributes are integers, of the names that Settings has.
template <void (*compute)(const Settings&, Run&)>
bool add(const char* name, std::initializer_list<const char*> inputs,
         std::initializer_list<const char*> outputs, std::initializer_list<const char*> attributes) {
  const Status status = newStatus();
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  for (const char* one : attributes) TF_OpDefinitionBuilderAddAttr(definition, one);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(
      definition, [](TF_ShapeInferenceContext* context, TF_Status* status) {
        TF_ShapeInferenceContextSetUnknownShape(context, status);
      });
  TF_RegisterOpDefinition(definition, status.get());
  if (TF_GetCode(status.get()) != TF_OK) return false;
  TF_KernelBuilder* kernel = TF_NewKernelBuilder(
      name, "CPU",
      [](TF_OpKernelConstruction* construction) -> void* {
        const Status status = newStatus();
        auto* settings = new Settings;
        for (auto [name, value] : {std::pair<const char*, int32_t*>{"height", &settings->height},
                                   {"width", &settings->width},
                                   {"size", &settings->size},
                                   {"transpose_a", &settings->transposeA},
                                   {"transpose_b", &settings->transposeB},
                                   {"relu", &settings->relu}}) {
          if (TF_OpKernelConstruction_HasAttr(construction, name, status.get())) {
            TF_OpKernelConstruction_GetAttrInt32(construction, name, value, status.get());
          }
        }
        return settings;
      },
      [](void* settings, TF_OpKernelContext* context) {
        Run run(context);
        // No exception may pass through TensorFlow.
        try {
          compute(*static_cast<Settings*>(settings), run);
        } catch (const std::bad_alloc&) {
          run.fail(TF_RESOURCE_EXHAUSTED, "the memory does not suffice");
        } catch (const std::exception& error) {
          run.fail(TF_INTERNAL, error.what());
        }
      },
      [](void* settings) { delete static_cast<Settings*>(settings); });
  TF_RegisterKernelBuilder(name, kernel, status.get());
  return TF_GetCode(status.get()) == TF_OK;
}

const bool added =
    add<gradImages>("LabConvReluPoolGradImages",
                    {"gradient: float", "kernel: float", "winners: uint8"}, {"result: float"},
                    {"height: int", "width: int"}) &&
    add<gradKernel>("LabConvReluPoolGradKernel",
                    {"gradient: float", "images: float", "winners: uint8"},
                    {"kernel: float", "bias: float"}, {"size: int"}) &&
    add<atWinners>("LabConvReluPoolAtWinners",
                   {"images: float", "kernel: float", "bias: float", "winners: uint8"},
                   {"output: float"}, {}) &&
    add<product>("LabMatMul", {"a: float", "b: float"}, {"product: float"},
                 {"transpose_a: int", "transpose_b: int"}) &&
    add<dense>("LabDense", {"x: float", "kernel: float", "bias: float"}, {"output: float"},
               {"relu: int"}) &&
    add<denseGradInput>("LabDenseGradInput", {"gradient: float", "output: float", "kernel: float"},
                        {"result: float"}, {"relu: int"}) &&
    add<denseGradKernel>("LabDenseGradKernel", {"gradient: float", "output: float", "x: float"},
                         {"kernel: float", "bias: float"}, {"relu: int"}) &&
    add<adam>("LabAdam",
              {"values: float", "means: float", "squares: float", "gradients: float", "rate: float",
               "beta1: float", "beta2: float", "epsilon: float"},
              {"next_values: float", "next_means: float", "next_squares: float"}, {}) &&
    // Last, as it is what set-up tries.
    add<convReluPool>("LabConvReluPool", {"images: float", "kernel: float", "bias: float"},
                      {"output: float", "winners: uint8"}, {});

}  // namespace
}  // namespace lab
