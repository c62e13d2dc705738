// The rules of judge(), one row each: every meaning that an answer can have for us, under a stable
// id. `explain`, the command's advice and docs/verdicts.md all walk this table; scripts and stored
// evidence refer to the ids, so an id is never renamed or given a second meaning.
// docs/protocol.md, "Decision table", has the way to each.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "fanfare/verdict.h"

namespace fanfare::fcm {

struct Rule {
  std::string_view id;
  VerdictKind kind;
  FaultDomain domain;
  std::string_view summary;  ///< What the answer means, in one line.
  std::string_view remedy;   ///< What a person should mend; empty: nothing, Fanfare deals with it.
};

inline constexpr std::array rule_table = {
    // --- Success ---
    Rule{"send.accepted", VerdictKind::accepted, FaultDomain::none,
         "FCM took the message and named it", ""},
    Rule{"topic.already_subscribed", VerdictKind::accepted, FaultDomain::none,
         "the registration was subscribed to the topic before", ""},
    Rule{"topic.changed", VerdictKind::accepted, FaultDomain::none,
         "the registration is subscribed to the topic, or no longer, as was asked", ""},

    // --- The device ---
    Rule{"token.unregistered", VerdictKind::device_gone, FaultDomain::device,
         "the registration is dead: FCM says UNREGISTERED", ""},
    Rule{"token.apns_unregistered", VerdictKind::device_gone, FaultDomain::device,
         "Apple says that the device's token is no longer in use", ""},
    Rule{"token.malformed", VerdictKind::device_malformed, FaultDomain::device,
         "the text is not a registration of FCM's",
         "If there are many, look at where registrations are stored: they may be cut or mixed up."},
    Rule{"token.wrong_environment", VerdictKind::device_malformed, FaultDomain::device,
         "the iOS registration belongs to another build: sandbox or another bundle id",
         "If there are many, compare the app's APNs environment and bundle id with the project's."},
    Rule{"token.sender_id_mismatch", VerdictKind::device_foreign, FaultDomain::device,
         "the registration belongs to another Firebase project",
         "If there are many, the project or the service account is the wrong one for this app."},
    Rule{"token.suspect", VerdictKind::device_suspect, FaultDomain::device,
         "FCM refused the request and named neither device nor message as the cause",
         "Send the same message to another device: if that works, this registration is at fault."},

    Rule{"topic.too_many", VerdictKind::message_invalid, FaultDomain::device,
         "the registration has as many topics as FCM allows",
         "Unsubscribe it from topics that are no longer used; 2,000 is the most."},
    Rule{"topic.permission", VerdictKind::message_invalid, FaultDomain::device,
         "this project may not change the topics of this registration",
         "Check that the registration belongs to this project."},

    Rule{"topic.needs_v1", VerdictKind::message_invalid, FaultDomain::message,
         "the Instance ID API takes registration tokens only",
         "Use the v1 API for FIDs: leave out --iid."},
    Rule{"instance.unknown", VerdictKind::device_suspect, FaultDomain::device,
         "the Instance ID API knows nothing of this token",
         "Send to it with --dry-run: that says for certain whether it is dead."},
    Rule{"instance.invalid", VerdictKind::device_suspect, FaultDomain::device,
         "the Instance ID API does not take this for a token",
         "Send to it with --dry-run: that says for certain whether it is malformed."},

    // --- Calls that send nothing and are about no device ---
    Rule{"api.done", VerdictKind::accepted, FaultDomain::none, "the API answered what it was asked",
         ""},
    Rule{"api.unreadable", VerdictKind::unknown_outcome, FaultDomain::network,
         "success was said, but the body is not what the API documents",
         "Check the endpoint and any proxy in between."},
    Rule{"group.exists", VerdictKind::message_invalid, FaultDomain::message,
         "a device group of that name exists",
         "Ask for its key with `fanfare groups retrieve`, and add devices to it."},
    Rule{"group.not_found", VerdictKind::message_invalid, FaultDomain::message,
         "there is no such device group",
         "Check name, key and sender id; a group that lost its last device is gone."},
    Rule{"group.no_members", VerdictKind::message_invalid, FaultDomain::message,
         "none of the registrations can be in the device group",
         "Check that they are living tokens of this project."},
    Rule{"group.refused", VerdictKind::message_invalid, FaultDomain::message,
         "FCM refused what was asked of a device group",
         "A group has at most 20 devices; a name goes with its own key."},

    // --- What a probe brought to light after token.suspect (probe.h) ---
    Rule{"token.probe_unregistered", VerdictKind::device_gone, FaultDomain::device,
         "a probe with an empty message found the registration dead", ""},
    Rule{"token.probe_malformed", VerdictKind::device_malformed, FaultDomain::device,
         "a probe with an empty message found that the text is no registration of FCM's",
         "If there are many, look at where registrations are stored: they may be cut or mixed up."},
    Rule{"token.probe_refused", VerdictKind::device_malformed, FaultDomain::device,
         "FCM refuses even an empty message for this registration, and takes it for another",
         "If there are many, look at where registrations are stored: they may be cut or mixed up."},
    Rule{"token.probe_sender_id_mismatch", VerdictKind::device_foreign, FaultDomain::device,
         "a probe with an empty message found that another project owns the registration",
         "If there are many, the project or the service account is the wrong one for this app."},
    Rule{"message.probe_passed", VerdictKind::message_invalid, FaultDomain::message,
         "FCM refused this message but takes an empty one for the same registration",
         "The device is fine. Take parts out of the message until FCM accepts it, or ask "
         "`fanfare check-message`."},

    // --- The message ---
    Rule{"message.parse", VerdictKind::message_invalid, FaultDomain::message,
         "FCM could not read the request: a wrong type, an unknown field, or no JSON",
         "Mend the named field in the message; the text says what FCM expected."},
    Rule{"message.field", VerdictKind::message_invalid, FaultDomain::message,
         "FCM refused the value of a field", "Mend the named field in the message."},
    Rule{"message.too_large", VerdictKind::message_invalid, FaultDomain::message,
         "the message is larger than FCM takes",
         "Shorten it to 4096 bytes of data keys and values, or send a link instead."},
    Rule{"message.data_key", VerdictKind::message_invalid, FaultDomain::message,
         "a key in data is reserved",
         "Rename the key: from, message_type, google.… and gcm.notification.… belong to FCM."},
    Rule{"message.recipient", VerdictKind::message_invalid, FaultDomain::message,
         "the message has no target", "Give exactly one of token, fid, topic and condition."},
    Rule{"message.topic", VerdictKind::message_invalid, FaultDomain::message,
         "FCM refused the topic",
         "Use 1 to 900 of [a-zA-Z0-9-_.~%] as the topic's name, without the /topics/ prefix."},
    Rule{"message.ttl", VerdictKind::message_invalid, FaultDomain::message,
         "FCM refused the time to live",
         "Use 0 to 2419200 seconds: \"3600s\" for Android, digits alone in the web push header."},
    Rule{"message.condition", VerdictKind::message_invalid, FaultDomain::message,
         "FCM refused the request to a condition without saying why",
         "Check the condition's syntax ('a' in topics && 'b' in topics; at most five topics)."},
    Rule{"message.target", VerdictKind::message_invalid, FaultDomain::message,
         "FCM speaks of a registration, but the target is a topic or a condition",
         "Check that topic names, conditions and registrations are not mixed up."},
    Rule{"message.apns_too_large", VerdictKind::message_invalid, FaultDomain::message,
         "the message became larger than Apple takes",
         "Shorten apns.payload and the notification: Apple takes 4096 bytes in all."},
    Rule{"message.apns_topic", VerdictKind::message_invalid, FaultDomain::message,
         "Apple refused the apns-topic",
         "Set the header apns-topic to the app's bundle id (with the suffix of its push type), or "
         "leave it out."},
    Rule{"message.apns_options", VerdictKind::message_invalid, FaultDomain::message,
         "Apple refused a header or the payload",
         "Check apns.headers (priority, push type, expiration, collapse id) and apns.payload."},

    // --- The platform's credential ---
    Rule{
        "platform.third_party_auth", VerdictKind::platform_blocked,
        FaultDomain::platform_credential,
        "Apple or the web push service refused the project's own credential",
        "Upload a valid APNs key (or web push key pair) in the Firebase console, Project settings, "
        "Cloud Messaging."},
    Rule{"platform.apns_key", VerdictKind::platform_blocked, FaultDomain::platform_credential,
         "Apple refused the project's APNs key or certificate",
         "Upload a new APNs key in the Firebase console, Project settings, Cloud Messaging; check "
         "its team id and key id."},

    // --- Our access token ---
    Rule{"oauth.expired", VerdictKind::credential_stale, FaultDomain::project,
         "the access token has expired",
         "If it comes back after a refresh, set the machine's clock (NTP)."},
    Rule{"oauth.missing", VerdictKind::credential_stale, FaultDomain::project,
         "the request carried no access token",
         "Check that no proxy removes the Authorization header."},
    Rule{"oauth.invalid", VerdictKind::credential_stale, FaultDomain::project,
         "the access token was refused",
         "If it comes back after a refresh, check the service-account key and its project."},
    // The sender, not judge(), gives the verdicts from here to the end of the group.
    Rule{"oauth.refused", VerdictKind::project_blocked, FaultDomain::project,
         "a fresh access token was refused as well",
         "Check that the service account is enabled and belongs to a project with the FCM API."},
    Rule{"oauth.clock_skew", VerdictKind::project_blocked, FaultDomain::project,
         "no access token: this machine's clock is wrong",
         "Set the clock (NTP); Google takes a few minutes of difference at most."},
    Rule{"oauth.revoked_key", VerdictKind::project_blocked, FaultDomain::project,
         "no access token: the service account's key was deleted or replaced",
         "Make a new key: Firebase console, Project settings, Service accounts."},
    Rule{"oauth.wrong_account", VerdictKind::project_blocked, FaultDomain::project,
         "no access token: the service account is deleted or disabled",
         "Restore or enable the account in the Google Cloud console, or use another's key."},
    Rule{"oauth.configuration", VerdictKind::project_blocked, FaultDomain::project,
         "no access token: the token endpoint refuses the request",
         "Read the text; check the key file, its token_uri, and any proxy in between."},
    Rule{"oauth.unavailable", VerdictKind::service_unavailable, FaultDomain::service,
         "no access token: the token endpoint failed or can't be reached",
         "If it stays, check the network and any proxy before the token endpoint."},

    // --- The project ---
    Rule{"project.api_disabled", VerdictKind::project_blocked, FaultDomain::project,
         "the Firebase Cloud Messaging API is not enabled in the project",
         "Enable fcm.googleapis.com in the Google Cloud console (APIs & Services) and wait a few "
         "minutes."},
    Rule{"project.iam", VerdictKind::project_blocked, FaultDomain::project,
         "the service account may not send for this project, or there is no such project",
         "Check the project id, and grant the account roles/firebasecloudmessaging.admin."},
    Rule{"project.scope", VerdictKind::project_blocked, FaultDomain::project,
         "the access token lacks the messaging scope",
         "Ask for the scope https://www.googleapis.com/auth/firebase.messaging."},
    Rule{"project.permission", VerdictKind::project_blocked, FaultDomain::project,
         "FCM forbids the request for a reason that is not the device's",
         "Read FCM's text; check the service account's roles, the project id and its billing."},
    Rule{"project.not_found", VerdictKind::project_blocked, FaultDomain::project,
         "FCM does not find the project; it says nothing about the device",
         "Check the project id; it is not the project's display name."},
    Rule{"project.wrong_url", VerdictKind::project_blocked, FaultDomain::project,
         "a web page came back: the address is not that of the FCM API",
         "Check the endpoint: the FCM HTTP v1 API is at https://fcm.googleapis.com."},
    Rule{"http.redirect", VerdictKind::project_blocked, FaultDomain::project,
         "something redirects the request; FCM never does",
         "Check the endpoint, and any proxy or sign-in page between this machine and FCM."},
    Rule{"http.unexpected", VerdictKind::project_blocked, FaultDomain::project,
         "a status that FCM does not use for sending",
         "Check the endpoint and any proxy in between; the body of the answer may say more."},

    // --- Quota ---
    Rule{"quota.project", VerdictKind::throttled_project, FaultDomain::quota,
         "the project is over its quota of messages a minute",
         "Lower --rate, or ask for more quota in the Google Cloud console."},
    Rule{"quota.other", VerdictKind::throttled_project, FaultDomain::quota,
         "too many requests; whose limit it is was not said",
         "Lower --rate if it comes back often."},
    Rule{"quota.target", VerdictKind::throttled_target, FaultDomain::quota,
         "this topic or device gets too many messages",
         "Send less often to this target; FCM takes 240 a minute for a device."},
    Rule{"quota.apns", VerdictKind::throttled_target, FaultDomain::quota,
         "Apple takes no more messages for this device now", "Send less often to this device."},

    // --- The service and the network ---
    Rule{"service.internal", VerdictKind::service_unavailable, FaultDomain::service,
         "FCM failed inside", ""},
    Rule{"service.unavailable", VerdictKind::service_unavailable, FaultDomain::service,
         "FCM is overloaded or down", ""},
    Rule{"service.bad_gateway", VerdictKind::service_unavailable, FaultDomain::service,
         "FCM's front end got no good answer from behind; the message may have been taken", ""},
    Rule{"service.timeout", VerdictKind::service_unavailable, FaultDomain::service,
         "FCM's front end waited in vain; the message may have been taken", ""},
    Rule{"service.apns", VerdictKind::service_unavailable, FaultDomain::service,
         "Apple's push service failed", ""},
    Rule{"service.other", VerdictKind::service_unavailable, FaultDomain::service,
         "a server error of an unusual kind",
         "If it stays, check any proxy between this machine and FCM."},
    Rule{"outcome.no_name", VerdictKind::unknown_outcome, FaultDomain::network,
         "success was said, but FCM's name for the message is missing: FCM may not have answered",
         "Check the endpoint and any proxy in between."},
    Rule{"outcome.unanswered", VerdictKind::unknown_outcome, FaultDomain::network,
         "the request left and no whole answer came: a time-out or a cut connection", ""},
    // The sender, not judge(), gives this one.
    Rule{"network.untrusted", VerdictKind::project_blocked, FaultDomain::network,
         "the server's certificate is not accepted, so nothing was sent to it",
         "Check the endpoint's host name, this machine's clock, and --ca-file for an authority of "
         "your own; the text says what is wrong with the certificate."},
    Rule{"transport.unsent", VerdictKind::unsent, FaultDomain::network,
         "the request was never processed", "If it stays, check the network and the endpoint."},
};

/// The row of an id that stands in the code; an unknown id does not compile.
[[nodiscard]] consteval const Rule& rule(std::string_view id) {
  for (const Rule& row : rule_table) {
    if (row.id == id) return row;
  }
  throw "no such rule";  // Reached only while compiling.
}

/// The row of an id read from elsewhere; nullptr: unknown.
[[nodiscard]] const Rule* find_rule(std::string_view id) noexcept;

using fanfare::remedy_for;  // It is public: verdict.h.

/// The verdict of a row, its action included; code, field, text and waits are left empty.
[[nodiscard]] Verdict make_verdict(const Rule& row);

}  // namespace fanfare::fcm
