// Credential files of the other kinds a client may be configured with, each pointing here:
//
//   authorized_user.json    a user's refresh token
//   impersonated.json       that user, acting as the service account
//   external_account.json   a workload whose subject token is in subject_token.txt
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "fanfare/result.h"

#include "emulator/identities.h"

namespace fanfare::emulator {

/// Writes them (0600) into `directory`; `base_url` has no slash at its end. Error::Kind::input for
/// a file of that name that an emulator did not make, storage when one can't be written.
[[nodiscard]] Result<void> write_example_credentials(const std::filesystem::path& directory,
                                                     std::string_view base_url,
                                                     std::string_view project,
                                                     const Identities& identities);

}  // namespace fanfare::emulator
