// RegistryThread: the API's way to the devices. A thread with a Registry of its own, so that no
// request waits on the HTTP thread for a disk or for another process's lock.
#pragma once

#include "gateway/work_thread.h"
#include "registry/registry.h"

namespace fanfare::gateway {

using RegistryThread = WorkThread<registry::Registry>;

}  // namespace fanfare::gateway
