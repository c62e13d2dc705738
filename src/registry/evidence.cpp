#include "registry/evidence.h"

#include <functional>
#include <map>
#include <memory>

#include <zstd.h>

#include "base/json_text.h"

namespace fanfare::registry {
namespace {

// Shorter than this nothing is gained.
constexpr std::size_t least_packed_bytes = 64;

// The first byte of what is packed: with which dictionary.
constexpr char dictionary_1 = '\1';

// Part of the store's format: never edited. Another one gets another number. What is likeliest
// stands at the end, as zstd likes it.
constexpr std::string_view words_1 =
    R"("reason":"connection reset","attempts":2,"retry_after":"60","BadDeviceToken","Unregistered",)"
    R"("error": {\n    \"code\": 403,\n    \"message\": \"SenderId mismatch\",\n    \"status\": )"
    R"(\"PERMISSION_DENIED\",\n    \"details\": [\n      {\n        \"@type\": )"
    R"(\"type.googleapis.com/google.firebase.fcm.v1.FcmError\",\n        \"errorCode\": )"
    R"(\"SENDER_ID_MISMATCH\"\n      }\n    ]\n  }\n}\n","attempts":1,"campaign":)"
    R"({"status":400,"body":"{\n  \"error\": {\n    \"code\": 400,\n    \"message\": \"The )"
    R"(registration token is not a valid FCM registration token\",\n    \"status\": )"
    R"(\"INVALID_ARGUMENT\",\n    \"details\": [\n      {\n        \"@type\": )"
    R"(\"type.googleapis.com/google.firebase.fcm.v1.FcmError\",\n        \"errorCode\": )"
    R"(\"INVALID_ARGUMENT\"\n      },\n      {\n        \"@type\": )"
    R"(\"type.googleapis.com/google.rpc.BadRequest\",\n        \"fieldViolations\": [\n          {\n)"
    R"(            \"field\": \"message.token\",\n            \"description\": \"The registration )"
    R"(token is not a valid FCM registration token\"\n          }\n        ]\n      }\n    ]\n  }\n}\n",)"
    R"({"status":404,"body":"{\n  \"error\": {\n    \"code\": 404,\n    \"message\": \"Requested )"
    R"(entity was not found.\",\n    \"status\": \"NOT_FOUND\",\n    \"details\": [\n      {\n)"
    R"(        \"@type\": \"type.googleapis.com/google.firebase.fcm.v1.FcmError\",\n        )"
    R"(\"errorCode\": \"UNREGISTERED\"\n      }\n    ]\n  }\n}\n","attempts":1,"campaign":)"
    R"({"status":404,"body":"{\n  \"error\": {\n    \"code\": 404,\n    \"message\": )"
    R"(\"NotRegistered\",\n    \"status\": \"NOT_FOUND\",\n    \"details\": [\n      {\n        )"
    R"(\"@type\": \"type.googleapis.com/google.firebase.fcm.v1.FcmError\",\n        )"
    R"(\"errorCode\": \"UNREGISTERED\"\n      }\n    ]\n  }\n}\n","attempts":1,"campaign":1})";

struct Free {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CDict* dictionary) const noexcept { ZSTD_freeCDict(dictionary); }
  void operator()(ZSTD_DDict* dictionary) const noexcept { ZSTD_freeDDict(dictionary); }
};

class Packer {
 public:
  // Empty: it would not be smaller.
  const std::string& pack(std::string_view text) {
    // The devices that die in one send die of a few answers, told in the same words.
    if (const auto known = packed_.find(text); known != packed_.end()) return known->second;
    if (packed_.size() >= most_kept) packed_.clear();
    return packed_.emplace(text, pack_anew(text)).first->second;
  }

  // Nothing: the bytes are not what `pack` made.
  std::optional<std::string> unpack(std::string_view packed) {
    if (packed.empty() || packed.front() != dictionary_1) return std::nullopt;
    std::string out(max_evidence_bytes, '\0');
    const std::size_t size =
        ZSTD_decompress_usingDDict(unpacker_.get(), out.data(), out.size(), packed.data() + 1,
                                   packed.size() - 1, known_words_.get());
    if (ZSTD_isError(size) != 0 || size == 0) return std::nullopt;  // Nothing is never packed.
    out.resize(size);
    return out;
  }

 private:
  std::string pack_anew(std::string_view text) {
    std::string out(1 + ZSTD_compressBound(text.size()), dictionary_1);
    const std::size_t size = ZSTD_compress_usingCDict(
        compressor_.get(), out.data() + 1, out.size() - 1, text.data(), text.size(), words_.get());
    if (ZSTD_isError(size) != 0 || size + 1 >= text.size()) return {};
    out.resize(size + 1);
    return out;
  }

  static constexpr int level = 1;
  static constexpr std::size_t most_kept = 16;
  std::unique_ptr<ZSTD_CCtx, Free> compressor_{ZSTD_createCCtx()};
  std::unique_ptr<ZSTD_DCtx, Free> unpacker_{ZSTD_createDCtx()};
  std::unique_ptr<ZSTD_CDict, Free> words_{ZSTD_createCDict(words_1.data(), words_1.size(), level)};
  std::map<std::string, std::string, std::less<>> packed_;
  std::unique_ptr<ZSTD_DDict, Free> known_words_{ZSTD_createDDict(words_1.data(), words_1.size())};
};

Packer& packer() {
  thread_local Packer instance;
  return instance;
}

}  // namespace

std::string bounded_evidence(std::string_view evidence) {
  if (evidence.size() <= max_evidence_bytes) return std::string(evidence);
  // A sixth, because a byte may grow to six when it is escaped.
  std::string cut = R"({"cut":)";
  append_json_string(cut, utf8_prefix(evidence, max_evidence_bytes / 6 - 16));
  return cut + '}';
}

std::string evidence_of(std::string_view name, std::string_view value) {
  std::string out = "{";
  append_json_string(out, name);
  out += ':';
  append_json_string(out, value);
  return out + '}';
}

PackedEvidence::PackedEvidence(std::string_view evidence) : text_(evidence) {
  if (evidence.size() < least_packed_bytes) return;
  bytes_ = packer().pack(evidence);
  if (!bytes_.empty()) text_ = {};
}

std::optional<sqlite::Blob> PackedEvidence::bytes() const noexcept {
  if (bytes_.empty()) return std::nullopt;
  return sqlite::Blob{bytes_};
}

std::string stored_evidence(std::string text, std::string_view packed) {
  if (packed.empty()) return text;
  if (auto unpacked = packer().unpack(packed)) return std::move(*unpacked);
  return R"({"damaged":"this evidence can't be unpacked"})";
}

}  // namespace fanfare::registry
