// The metadata server: where a program on Google's machines (Compute Engine, GKE, Cloud Run) gets
// the tokens of the service account that is attached to them, without any file.
//
// It speaks plaintext on a link-local address. Anything could listen there on another machine, so
// the header Metadata-Flavor must be in its answers, as it must be in our requests (which keeps
// pages in a browser from asking it).
#pragma once

#include <string>
#include <string_view>

#include "fanfare/result.h"

#include "oauth/credential.h"
#include "oauth/credentials_file.h"

namespace fanfare::oauth {

/// GCE_METADATA_HOST (host or host:port), else the link-local address: a name would have to be
/// looked up, which takes long on machines that are not Google's. Error::Kind::usage for a variable
/// that is neither.
[[nodiscard]] Result<std::string> metadata_host(const Environment& environment);

/// Asks for the project; the answer also shows whether there is a metadata server at all.
[[nodiscard]] TokenRequest project_request(std::string_view host);

/// The project's id. A network fault: there is no metadata server.
[[nodiscard]] std::expected<std::string, TokenError> parse_project_answer(const TokenReply& reply);

class MetadataCredential final : public Credential {
 public:
  explicit MetadataCredential(std::string host) : host_(std::move(host)) {}
  [[nodiscard]] Progress begin(SystemTime now, std::string_view scope) override;

 private:
  std::string host_;
};

}  // namespace fanfare::oauth
