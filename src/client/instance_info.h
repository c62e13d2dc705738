// The question to the Instance ID API what it knows of a token, which topics ask as well.
#pragma once

#include "client/fcm_sender.h"

namespace fanfare::client {

[[nodiscard]] OtherCall instance_info_call();

}  // namespace fanfare::client
