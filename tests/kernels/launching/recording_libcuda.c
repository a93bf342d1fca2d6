/* A stand-in for libcuda.so.1: two GPUs that run nothing, and a record of what was asked of them.
 *
 * Loads and launches are written to $RECORDING_LOG, a line of JSON each. Of a launch, that is the
 * kernel, grid, threads of a block, shared memory, stream, the context's GPU, and the bytes of every
 * parameter that the loaded code itself declares (EIATTR_KPARAM_INFO in its .nv.info section).
 * $RECORDING_CAPABILITY is the GPUs' compute capability, 90 unless it is set.
 */
#include <cuda.h>
#include <elf.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT(device) ((CUcontext)(uintptr_t)(0x1000 + (device)))
#define DEVICE(context) ((int)((uintptr_t)(context)-0x1000))
#define MOST 128

typedef struct {
  char name[256];
  int count;
  int size[MOST];
} Kernel;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread CUcontext stack[16];
static __thread int depth = 0;

static FILE *record(void) {
  static FILE *file;
  if (!file) file = fopen(getenv("RECORDING_LOG"), "a");
  return file;
}

static int capability(void) {
  const char *given = getenv("RECORDING_CAPABILITY");
  return given ? atoi(given) : 90;
}

CUresult cuInit(unsigned flags) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int *version) { *version = 13000; return CUDA_SUCCESS; }
CUresult cuDeviceGetCount(int *count) { *count = 2; return CUDA_SUCCESS; }
CUresult cuDeviceGet(CUdevice *device, int i) { *device = i; return CUDA_SUCCESS; }
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  if (device < 0 || device > 1) return CUDA_ERROR_INVALID_DEVICE;
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = capability() / 10; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = capability() % 10; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *value = 232448; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 132; break;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = 32; break;
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK: *value = 65536; break;
    default: *value = 49152;
  }
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  *context = CONTEXT(device);
  return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext *context) { *context = stack[depth]; return CUDA_SUCCESS; }
CUresult cuCtxSetCurrent(CUcontext context) { stack[depth] = context; return CUDA_SUCCESS; }
CUresult cuCtxPushCurrent_v2(CUcontext context) { stack[++depth] = context; return CUDA_SUCCESS; }
CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  *context = stack[depth];
  stack[depth--] = 0;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetDevice(CUdevice *device) { *device = DEVICE(stack[depth]); return CUDA_SUCCESS; }
CUresult cuGetErrorString(CUresult code, const char **text) { *text = "recorded"; return CUDA_SUCCESS; }

/* The sizes of a kernel's parameters, from the .nv.info section of its name. */
static void read_parameters(const char *image, Kernel *kernel) {
  const Elf64_Ehdr *file = (const void *)image;
  const Elf64_Shdr *sections = (const void *)(image + file->e_shoff);
  const char *names = image + sections[file->e_shstrndx].sh_offset;
  char wanted[300];
  snprintf(wanted, sizeof wanted, ".nv.info.%s", kernel->name);
  for (int i = 0; i < file->e_shnum; i++) {
    if (strcmp(names + sections[i].sh_name, wanted)) continue;
    const char *at = image + sections[i].sh_offset, *end = at + sections[i].sh_size;
    while (at < end) {
      uint8_t format = at[0], attribute = at[1];
      uint16_t size = *(const uint16_t *)(at + 2);
      at += 4;
      if (format != 4) continue; /* a value of two bytes in place of a size */
      if (attribute == 0x17) {
        uint16_t ordinal = *(const uint16_t *)(at + 4);
        kernel->size[ordinal] = *(const uint32_t *)(at + 8) >> 18;
        if (kernel->count <= ordinal) kernel->count = ordinal + 1;
      }
      at += size;
    }
  }
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  if (memcmp(image, ELFMAG, SELFMAG)) return CUDA_ERROR_INVALID_IMAGE;
  if (!stack[depth]) return CUDA_ERROR_INVALID_CONTEXT;
  *module = (CUmodule)image;
  return CUDA_SUCCESS;
}
CUresult cuModuleUnload(CUmodule module) { return CUDA_SUCCESS; }
CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  Kernel *kernel = calloc(1, sizeof *kernel);
  snprintf(kernel->name, sizeof kernel->name, "%s", name);
  read_parameters((const char *)module, kernel);
  pthread_mutex_lock(&lock);
  fprintf(record(), "{\"op\": \"load\", \"kernel\": \"%s\", \"gpu\": %d}\n", name, DEVICE(stack[depth]));
  fflush(record());
  pthread_mutex_unlock(&lock);
  *function = (CUfunction)kernel;
  return CUDA_SUCCESS;
}
CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
  *value = attribute == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : 0;
  return CUDA_SUCCESS;
}
CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  pthread_mutex_lock(&lock);
  fprintf(record(), "{\"op\": \"attribute\", \"kernel\": \"%s\", \"attribute\": %d, \"value\": %d}\n",
          ((Kernel *)function)->name, (int)attribute, value);
  fflush(record());
  pthread_mutex_unlock(&lock);
  return CUDA_SUCCESS;
}
CUresult cuFuncSetCacheConfig(CUfunction function, CUfunc_cache config) { return CUDA_SUCCESS; }
CUresult cuPointerGetAttribute(void *value, CUpointer_attribute attribute, CUdeviceptr address) {
  *(uint64_t *)value = address;
  return CUDA_SUCCESS;
}
CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status) {
  *status = CU_STREAM_CAPTURE_STATUS_NONE;
  return CUDA_SUCCESS;
}

/* What Triton's own launcher links against besides. */
CUresult cuCtxGetLimit(size_t *value, CUlimit limit) { *value = 1 << 20; return CUDA_SUCCESS; }
CUresult cuCtxSetLimit(CUlimit limit, size_t value) { return CUDA_SUCCESS; }
CUresult cuTensorMapEncodeTiled(CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank, void *address,
                                const cuuint64_t *size, const cuuint64_t *stride, const cuuint32_t *box,
                                const cuuint32_t *step, CUtensorMapInterleave interleave,
                                CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                                CUtensorMapFloatOOBfill fill) {
  return CUDA_ERROR_NOT_SUPPORTED;
}

static CUresult launch(CUfunction function, unsigned x, unsigned y, unsigned z, unsigned threads,
                       unsigned shared, CUstream stream, void **parameters) {
  Kernel *kernel = (Kernel *)function;
  if (!stack[depth]) return CUDA_ERROR_INVALID_CONTEXT;
  pthread_mutex_lock(&lock);
  fprintf(record(),
          "{\"op\": \"launch\", \"kernel\": \"%s\", \"grid\": [%u, %u, %u], \"threads\": %u, "
          "\"shared\": %u, \"stream\": %lu, \"gpu\": %d, \"parameters\": [",
          kernel->name, x, y, z, threads, shared, (unsigned long)stream, DEVICE(stack[depth]));
  for (int i = 0; i < kernel->count; i++) {
    fprintf(record(), "%s\"", i ? ", " : "");
    for (int j = 0; j < kernel->size[i]; j++)
      fprintf(record(), "%02x", ((const unsigned char *)parameters[i])[j]);
    fprintf(record(), "\"");
  }
  fprintf(record(), "]}\n");
  fflush(record());
  pthread_mutex_unlock(&lock);
  return CUDA_SUCCESS;
}
CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **parameters, void **extra) {
  return launch(function, config->gridDimX, config->gridDimY, config->gridDimZ, config->blockDimX,
                config->sharedMemBytes, config->hStream, parameters);
}
CUresult cuLaunchKernel(CUfunction function, unsigned x, unsigned y, unsigned z, unsigned bx, unsigned by,
                        unsigned bz, unsigned shared, CUstream stream, void **parameters, void **extra) {
  return launch(function, x, y, z, bx * by * bz, shared, stream, parameters);
}
