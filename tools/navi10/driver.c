/*
 * A Vulkan driver around Mesa's RADV that compiles shaders for a card that is not there.
 *
 * With RADV_FORCE_FAMILY=navi10 RADV opens a "null" device: its compiler (ACO) works, but it has no
 * memory and no way to submit work, and Dawn crashes on it. This wrapper hands the device memory
 * from the CPU, turns commands, submissions and waits into no-ops, and writes each compute
 * pipeline's machine code and statistics to files. Results of dispatches are zeros.
 *
 *   REKINDLE_DUMP_DIR  where to write N.json (statistics) and N.isa (disassembly), N = 0, 1, ...
 *   REKINDLE_RADV      path of libvulkan_radeon.so, if the loader's search path lacks it
 *
 * One no-op function stands for many signatures: that needs a calling convention in which the
 * caller cleans up, as on x86-64 and AArch64.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <vulkan/vulkan.h>

#define EXPORT __attribute__((visibility("default")))
#define UNUSED __attribute__((unused))

typedef PFN_vkVoidFunction (*GetInstanceProc)(VkInstance, const char *);
typedef PFN_vkVoidFunction (*GetDeviceProc)(VkDevice, const char *);
typedef VkResult (*Negotiate)(uint32_t *);

static GetInstanceProc real_instance_proc, real_physical_device_proc;
static GetDeviceProc real_device_proc;
static Negotiate real_negotiate;
static VkInstance instance;

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size ? size : 1);
  if (!memory) {
    fprintf(stderr, "navi10 driver: out of memory\n");
    abort();
  }
  return memory;
}

static void load_radv(void) {
  const char *path = getenv("REKINDLE_RADV");
  void *library = dlopen(path ? path : "libvulkan_radeon.so", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    fprintf(stderr, "navi10 driver: %s\n", dlerror());
    return;
  }
  real_instance_proc = (GetInstanceProc)dlsym(library, "vk_icdGetInstanceProcAddr");
  real_physical_device_proc =
      (GetInstanceProc)dlsym(library, "vk_icdGetPhysicalDeviceProcAddr");
  real_negotiate = (Negotiate)dlsym(library, "vk_icdNegotiateLoaderICDInterfaceVersion");
}

static int radv_is_loaded(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load_radv);
  return real_instance_proc != NULL;
}

/* ---- What a null device lacks: commands, submissions, synchronisation ---------------------- */

static VkResult succeed(void) { return VK_SUCCESS; }

static VkResult counter_value(UNUSED VkDevice d, UNUSED VkSemaphore s, uint64_t *value) {
  *value = UINT64_MAX >> 1;
  return VK_SUCCESS;
}

static VkResult make_handle(UNUSED VkDevice d, UNUSED const void *info, UNUSED const void *a,
                            uint64_t *handle) {
  static uint64_t last = 0x1000;
  *handle = __atomic_add_fetch(&last, 16, __ATOMIC_RELAXED);
  return VK_SUCCESS;
}

/* -1 is the file of a fence that is signalled already. */
static VkResult fence_file(UNUSED VkDevice d, UNUSED const void *info, int *file) {
  *file = -1;
  return VK_SUCCESS;
}

static VkResult query_results(UNUSED VkDevice d, UNUSED VkQueryPool pool, UNUSED uint32_t first,
                              UNUSED uint32_t count, size_t size, void *data,
                              UNUSED VkDeviceSize stride, UNUSED VkQueryResultFlags flags) {
  memset(data, 0, size);
  return VK_SUCCESS;
}

/* ---- Memory of the CPU in place of the card's ---------------------------------------------- */

struct fake_memory {
  size_t bytes;
  char *start;
};

static void memory_properties(UNUSED VkPhysicalDevice p, VkPhysicalDeviceMemoryProperties *out) {
  memset(out, 0, sizeof *out);
  out->memoryHeapCount = 1;
  out->memoryHeaps[0].size = 6ull << 30;
  out->memoryHeaps[0].flags = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
  out->memoryTypeCount = 2;
  out->memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  out->memoryTypes[1].propertyFlags =
      VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
      VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
}

static void memory_properties2(VkPhysicalDevice p, VkPhysicalDeviceMemoryProperties2 *out) {
  memory_properties(p, &out->memoryProperties);
}

static const uint32_t both_types = 3;

static void buffer_needs(VkDevice d, VkBuffer buffer, VkMemoryRequirements *out) {
  ((PFN_vkGetBufferMemoryRequirements)real_device_proc(d, "vkGetBufferMemoryRequirements"))(
      d, buffer, out);
  out->memoryTypeBits = both_types;
}

static void buffer_needs2(VkDevice d, const VkBufferMemoryRequirementsInfo2 *info,
                          VkMemoryRequirements2 *out) {
  ((PFN_vkGetBufferMemoryRequirements2)real_device_proc(d, "vkGetBufferMemoryRequirements2"))(
      d, info, out);
  out->memoryRequirements.memoryTypeBits = both_types;
}

static VkResult allocate_memory(UNUSED VkDevice d, const VkMemoryAllocateInfo *info,
                                UNUSED const VkAllocationCallbacks *a, VkDeviceMemory *out) {
  struct fake_memory *memory = allocate(1, sizeof *memory);
  memory->bytes = info->allocationSize;
  memory->start = mmap(NULL, memory->bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory->start == MAP_FAILED) {
    free(memory);
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  *out = (VkDeviceMemory)memory;
  return VK_SUCCESS;
}

static void free_memory(UNUSED VkDevice d, VkDeviceMemory handle,
                        UNUSED const VkAllocationCallbacks *a) {
  struct fake_memory *memory = (struct fake_memory *)handle;
  if (!memory) return;
  munmap(memory->start, memory->bytes);
  free(memory);
}

static VkResult map_memory(UNUSED VkDevice d, VkDeviceMemory handle, VkDeviceSize offset,
                           UNUSED VkDeviceSize size, UNUSED VkMemoryMapFlags flags, void **out) {
  *out = ((struct fake_memory *)handle)->start + offset;
  return VK_SUCCESS;
}

/* ---- Reports of compiled pipelines --------------------------------------------------------- */

static FILE *open_report(const char *folder, unsigned number, const char *extension) {
  char *path;
  if (asprintf(&path, "%s/%u.%s", folder, number, extension) < 0) return NULL;
  FILE *file = fopen(path, "wb");
  if (!file) fprintf(stderr, "navi10 driver: cannot write %s\n", path);
  free(path);
  return file;
}

static void write_string(FILE *file, const char *text) {
  fputc('"', file);
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') fputc('\\', file);
    if ((unsigned char)*text >= 32) fputc(*text, file);
  }
  fputc('"', file);
}

static void write_statistics(FILE *file, VkDevice d, const VkPipelineExecutableInfoKHR *which) {
  PFN_vkGetPipelineExecutableStatisticsKHR query =
      (PFN_vkGetPipelineExecutableStatisticsKHR)real_device_proc(
          d, "vkGetPipelineExecutableStatisticsKHR");
  uint32_t count = 0;
  query(d, which, &count, NULL);
  VkPipelineExecutableStatisticKHR *all = allocate(count, sizeof *all);
  for (uint32_t i = 0; i < count; i++)
    all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
  query(d, which, &count, all);
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) fputc(',', file);
    write_string(file, all[i].name);
    if (all[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR)
      fprintf(file, ":%.17g", all[i].value.f64);
    else
      fprintf(file, ":%llu", (unsigned long long)all[i].value.u64);
  }
  free(all);
}

static void write_assembly(const char *folder, unsigned number, VkDevice d,
                           const VkPipelineExecutableInfoKHR *which) {
  PFN_vkGetPipelineExecutableInternalRepresentationsKHR query =
      (PFN_vkGetPipelineExecutableInternalRepresentationsKHR)real_device_proc(
          d, "vkGetPipelineExecutableInternalRepresentationsKHR");
  uint32_t count = 0;
  query(d, which, &count, NULL);
  VkPipelineExecutableInternalRepresentationKHR *all = allocate(count, sizeof *all);
  for (uint32_t i = 0; i < count; i++)
    all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
  query(d, which, &count, all);
  for (uint32_t i = 0; i < count; i++) all[i].pData = allocate(1, all[i].dataSize + 1);
  query(d, which, &count, all);
  for (uint32_t i = 0; i < count; i++) {
    if (strstr(all[i].name, "Assembly") && all[i].isText) {
      FILE *file = open_report(folder, number, "isa");
      if (file) {
        fputs(all[i].pData, file);
        fclose(file);
      }
    }
    free(all[i].pData);
  }
  free(all);
}

/* The statistics are written last: where they are, the report is complete. */
static void report(const char *folder, VkDevice d, VkPipeline pipeline) {
  static unsigned last = 0;
  unsigned number = __atomic_fetch_add(&last, 1, __ATOMIC_RELAXED);
  PFN_vkGetPipelineExecutablePropertiesKHR query =
      (PFN_vkGetPipelineExecutablePropertiesKHR)real_device_proc(
          d, "vkGetPipelineExecutablePropertiesKHR");
  VkPipelineInfoKHR info = {VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, NULL, pipeline};
  VkPipelineExecutablePropertiesKHR properties = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
  uint32_t count = 1;
  if (query(d, &info, &count, &properties) < 0 || count == 0) return;
  VkPipelineExecutableInfoKHR which = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, NULL,
                                       pipeline, 0};
  write_assembly(folder, number, d, &which);
  FILE *file = open_report(folder, number, "json");
  if (!file) return;
  fprintf(file, "{\"subgroupSize\":%u,\"statistics\":{", properties.subgroupSize);
  write_statistics(file, d, &which);
  fputs("}}\n", file);
  fclose(file);
}

/* ---- Hooks --------------------------------------------------------------------------------- */

static const char reporting[] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;

static VkResult create_instance(const VkInstanceCreateInfo *info, const VkAllocationCallbacks *a,
                                VkInstance *out) {
  VkResult result =
      ((PFN_vkCreateInstance)real_instance_proc(NULL, "vkCreateInstance"))(info, a, out);
  if (result == VK_SUCCESS) instance = *out;
  return result;
}

static VkResult create_device(VkPhysicalDevice p, const VkDeviceCreateInfo *info,
                              const VkAllocationCallbacks *a, VkDevice *out) {
  VkDeviceCreateInfo mine = *info;
  const char **names = allocate(info->enabledExtensionCount + 1, sizeof *names);
  int is_on = 0;
  for (uint32_t i = 0; i < info->enabledExtensionCount; i++) {
    names[i] = info->ppEnabledExtensionNames[i];
    is_on |= strcmp(names[i], reporting) == 0;
  }
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR feature = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
      (void *)info->pNext, VK_TRUE};
  if (!is_on) {
    names[mine.enabledExtensionCount++] = reporting;
    mine.pNext = &feature;
  }
  mine.ppEnabledExtensionNames = names;
  VkResult result =
      ((PFN_vkCreateDevice)real_instance_proc(instance, "vkCreateDevice"))(p, &mine, a, out);
  free(names);
  return result;
}

static VkResult create_compute_pipelines(VkDevice d, VkPipelineCache cache, uint32_t count,
                                         const VkComputePipelineCreateInfo *infos,
                                         const VkAllocationCallbacks *a, VkPipeline *out) {
  PFN_vkCreateComputePipelines create =
      (PFN_vkCreateComputePipelines)real_device_proc(d, "vkCreateComputePipelines");
  const char *folder = getenv("REKINDLE_DUMP_DIR");
  if (!folder) return create(d, cache, count, infos, a, out);
  VkComputePipelineCreateInfo *mine = allocate(count, sizeof *mine);
  memcpy(mine, infos, count * sizeof *mine);
  for (uint32_t i = 0; i < count; i++)
    mine[i].flags |= VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR |
                     VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR;
  /* Without the cache: a pipeline that comes out of it has no internal representations. */
  VkResult result = create(d, VK_NULL_HANDLE, count, mine, a, out);
  free(mine);
  if (result != VK_SUCCESS) return result;
  for (uint32_t i = 0; i < count; i++) report(folder, d, out[i]);
  return result;
}

static PFN_vkVoidFunction device_proc(VkDevice d, const char *name);

#define HOOK(name, function) {name, (PFN_vkVoidFunction)(void (*)(void))function}
static const struct {
  const char *name;
  PFN_vkVoidFunction function;
} hooks[] = {
    HOOK("vkCreateInstance", create_instance),
    HOOK("vkCreateDevice", create_device),
    HOOK("vkCreateComputePipelines", create_compute_pipelines),
    HOOK("vkGetPhysicalDeviceMemoryProperties", memory_properties),
    HOOK("vkGetPhysicalDeviceMemoryProperties2", memory_properties2),
    HOOK("vkGetPhysicalDeviceMemoryProperties2KHR", memory_properties2),
    HOOK("vkGetBufferMemoryRequirements", buffer_needs),
    HOOK("vkGetBufferMemoryRequirements2", buffer_needs2),
    HOOK("vkGetBufferMemoryRequirements2KHR", buffer_needs2),
    HOOK("vkAllocateMemory", allocate_memory),
    HOOK("vkFreeMemory", free_memory),
    HOOK("vkMapMemory", map_memory),
    HOOK("vkGetSemaphoreCounterValue", counter_value),
    HOOK("vkGetSemaphoreCounterValueKHR", counter_value),
    HOOK("vkCreateFence", make_handle),
    HOOK("vkCreateSemaphore", make_handle),
    HOOK("vkGetFenceFdKHR", fence_file),
    HOOK("vkGetSemaphoreFdKHR", fence_file),
    HOOK("vkGetQueryPoolResults", query_results),
};

static const char *const no_ops[] = {
    "vkUnmapMemory",           "vkBindBufferMemory",
    "vkBindBufferMemory2",     "vkBindBufferMemory2KHR",
    "vkFlushMappedMemoryRanges", "vkInvalidateMappedMemoryRanges",
    "vkBeginCommandBuffer",    "vkEndCommandBuffer",
    "vkResetCommandBuffer",    "vkResetCommandPool",
    "vkTrimCommandPool",       "vkFreeCommandBuffers",
    "vkDestroyCommandPool",    "vkQueueSubmit",
    "vkQueueSubmit2",          "vkQueueSubmit2KHR",
    "vkQueueBindSparse",       "vkQueueWaitIdle",
    "vkDeviceWaitIdle",        "vkWaitForFences",
    "vkGetFenceStatus",        "vkResetFences",
    "vkDestroyFence",          "vkDestroySemaphore",
    "vkImportSemaphoreFdKHR",  "vkImportFenceFdKHR",
    "vkWaitSemaphores",        "vkWaitSemaphoresKHR",
    "vkSignalSemaphore",       "vkSignalSemaphoreKHR",
    "vkUpdateDescriptorSets",  "vkUpdateDescriptorSetWithTemplate",
};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static PFN_vkVoidFunction hook_of(const char *name) {
  for (size_t i = 0; i < LENGTH(hooks); i++)
    if (strcmp(name, hooks[i].name) == 0) return hooks[i].function;
  int is_no_op = strncmp(name, "vkCmd", 5) == 0;
  for (size_t i = 0; i < LENGTH(no_ops); i++) is_no_op |= strcmp(name, no_ops[i]) == 0;
  return is_no_op ? (PFN_vkVoidFunction)(void (*)(void))succeed : NULL;
}

static PFN_vkVoidFunction device_proc(VkDevice d, const char *name) {
  PFN_vkVoidFunction real = real_device_proc(d, name);
  if (!real) return NULL;
  if (strcmp(name, "vkGetDeviceProcAddr") == 0) return (PFN_vkVoidFunction)device_proc;
  PFN_vkVoidFunction hook = hook_of(name);
  return hook ? hook : real;
}

/* ---- What the Vulkan loader calls ---------------------------------------------------------- */

EXPORT VkResult vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  if (!radv_is_loaded()) return VK_ERROR_INCOMPATIBLE_DRIVER;
  if (*version > 5) *version = 5;
  return real_negotiate ? real_negotiate(version) : VK_SUCCESS;
}

EXPORT PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance i, const char *name) {
  if (!radv_is_loaded()) return NULL;
  PFN_vkVoidFunction real = real_instance_proc(i, name);
  if (!real) return NULL;
  if (strcmp(name, "vkGetDeviceProcAddr") == 0) {
    real_device_proc = (GetDeviceProc)real;
    return (PFN_vkVoidFunction)device_proc;
  }
  PFN_vkVoidFunction hook = hook_of(name);
  return hook ? hook : real;
}

EXPORT PFN_vkVoidFunction vk_icdGetPhysicalDeviceProcAddr(VkInstance i, const char *name) {
  if (!radv_is_loaded() || !real_physical_device_proc) return NULL;
  PFN_vkVoidFunction hook = strstr(name, "MemoryProperties") ? hook_of(name) : NULL;
  return hook ? hook : real_physical_device_proc(i, name);
}
