/* For crun where it may not raise RLIMIT_MEMLOCK, as it does for its filter of devices, which kernels since 5.11 need not have:
       cc -shared -fPIC -o memlock.so benches/memlock.c
       LD_PRELOAD=$PWD/memlock.so cargo bench --bench oci -- ... */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/resource.h>

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    return resource == RLIMIT_MEMLOCK ? 0 : prlimit(0, resource, limit, NULL);
}
