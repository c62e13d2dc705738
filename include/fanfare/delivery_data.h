// fanfare::DeliveryData: what became of the messages of an Android app, by day and analytics label
// (FCM Data API). Set android.fcm_options.analytics_label or fcm_options.analytics_label in a
// message to find it here; the data are some days old and leave small numbers out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fanfare/api_data.h"
#include "fanfare/client.h"
#include "fanfare/result.h"

namespace fanfare {

/// Not from two threads at once.
class DeliveryData {
 public:
  /// `options.endpoint` is that of the Data API. The credentials must be good for the scope
  /// cloud-platform. Errors as of Client::open.
  [[nodiscard]] static Result<DeliveryData> open(const ClientOptions& options);
  DeliveryData(DeliveryData&&) noexcept;             ///< What was moved from may only be destroyed.
  DeliveryData& operator=(DeliveryData&&) noexcept;  ///< The same.
  ~DeliveryData();

  /// Calls back for every day of every label, page by page, as FCM orders them; or says why not.
  /// `app_id` is Firebase's id of the app, "1:1234567890:android:321abc456def7890".
  [[nodiscard]] Reply<void> each_day(const std::string& app_id,
                                     const std::function<void(const DeliveryDay&)>& on_day);

  /// About the credentials, for people.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;

 private:
  struct Impl;
  explicit DeliveryData(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare
