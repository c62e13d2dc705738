#include "queue/campaigns.h"

#include <charconv>
#include <limits>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace fanfare::queue {
namespace {

using sqlite::Statement;

#define FANFARE_CAMPAIGN_COLUMNS                                                      \
  "id, project, name, state, audience, message, validate_only, start_at, expires_at," \
  " messages_per_minute, registry_campaign, created, started, ended, reason, labels," \
  " audience_count, accepted, retired, failed, unknown, cancelled, by_rule"

std::string write_rules(const std::map<std::string, std::uint64_t>& by_rule) {
  boost::json::object rules;
  for (const auto& [rule, count] : by_rule) rules[rule] = count;
  return boost::json::serialize(rules);
}

CampaignRecord read_campaign(const Statement::Rows& row) {
  CampaignRecord campaign;
  campaign.id = row.integer(0);
  campaign.project = row.text(1);
  campaign.name = row.text(2);
  campaign.state = static_cast<CampaignState>(row.integer(3));
  campaign.audience = row.text(4);
  campaign.message = row.text(5);
  campaign.validate_only = row.integer(6) != 0;
  campaign.start_at = row.time(7);
  campaign.expires_at = row.time(8);
  campaign.messages_per_minute = row.count(9);
  campaign.registry_campaign = row.integer(10);
  campaign.created = *row.time(11);
  campaign.started = row.time(12);
  campaign.ended = row.time(13);
  campaign.reason = row.text(14);
  campaign.labels = row.text(15);
  campaign.audience_count = row.count(16);
  campaign.accepted = row.count(17);
  campaign.retired = row.count(18);
  campaign.failed = row.count(19);
  campaign.unknown = row.count(20);
  campaign.cancelled = row.count(21);
  const boost::json::value rules = boost::json::parse(row.text(22));
  for (const auto& [rule, count] : rules.as_object()) {
    campaign.by_rule.emplace(rule, count.to_number<std::uint64_t>());
  }
  return campaign;
}

}  // namespace

std::string_view to_string(CampaignState state) noexcept {
  switch (state) {
    case CampaignState::draft:
      return "draft";
    case CampaignState::scheduled:
      return "scheduled";
    case CampaignState::running:
      return "running";
    case CampaignState::paused:
      return "paused";
    case CampaignState::blocked:
      return "blocked";
    case CampaignState::finished:
      return "finished";
    case CampaignState::cancelled:
      return "cancelled";
    case CampaignState::failed:
      return "failed";
  }
  return "";
}

std::string format_campaign_id(std::int64_t id) {
  return fmt::format("c-{}", id);
}

std::optional<std::int64_t> parse_campaign_id(std::string_view text) noexcept {
  if (!text.starts_with("c-")) return std::nullopt;
  text.remove_prefix(2);
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id <= 0) return std::nullopt;
  return id;
}

void Campaigns::add(CampaignRecord& campaign) {
  store_.database()
      .prepared(
          "INSERT INTO campaign (project, name, state, audience, message, validate_only,"
          " start_at, expires_at, messages_per_minute, registry_campaign, created, reason,"
          " labels, audience_count, accepted, retired, failed, unknown, cancelled, by_rule)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, '', ?, ?, 0, 0, 0, 0, 0, '{}')")
      .run(std::string_view(campaign.project), std::string_view(campaign.name),
           static_cast<int>(campaign.state), std::string_view(campaign.audience),
           std::string_view(campaign.message), campaign.validate_only ? 1 : 0, campaign.start_at,
           campaign.expires_at, campaign.messages_per_minute, campaign.created,
           std::string_view(campaign.labels), campaign.audience_count);
  campaign.id = store_.database().last_id();
}

void Campaigns::update(const CampaignRecord& campaign) {
  store_.database()
      .prepared(
          "UPDATE campaign SET state = ?, start_at = ?, registry_campaign = ?, started = ?,"
          " ended = ?, reason = ?, audience_count = ?, accepted = ?, retired = ?, failed = ?,"
          " unknown = ?, cancelled = ?, by_rule = ? WHERE id = ?")
      .run(static_cast<int>(campaign.state), campaign.start_at, campaign.registry_campaign,
           campaign.started, campaign.ended, std::string_view(campaign.reason),
           campaign.audience_count, campaign.accepted, campaign.retired, campaign.failed,
           campaign.unknown, campaign.cancelled, std::string_view(write_rules(campaign.by_rule)),
           campaign.id);
}

std::optional<CampaignRecord> Campaigns::find(std::int64_t id) {
  auto rows = store_.database()
                  .prepared("SELECT " FANFARE_CAMPAIGN_COLUMNS " FROM campaign WHERE id = ?")
                  .rows(id);
  return rows.next() ? std::optional(read_campaign(rows)) : std::nullopt;
}

std::vector<CampaignRecord> Campaigns::list(const std::string& project, std::int64_t before,
                                            std::size_t limit) {
  std::vector<CampaignRecord> found;
  const auto below = before > 0 ? before : std::numeric_limits<std::int64_t>::max();
  auto rows = store_.database()
                  .prepared("SELECT " FANFARE_CAMPAIGN_COLUMNS
                            " FROM campaign WHERE (?1 = '' OR project = ?1) AND id < ?2"
                            " ORDER BY id DESC LIMIT ?3")
                  .rows(std::string_view(project), below, limit);
  while (rows.next()) found.push_back(read_campaign(rows));
  return found;
}

std::vector<CampaignRecord> Campaigns::open() {
  std::vector<CampaignRecord> found;
  auto rows =
      store_.database()
          .prepared("SELECT " FANFARE_CAMPAIGN_COLUMNS
                    " FROM campaign WHERE state < 5 OR (state = 6 AND ended IS NULL) ORDER BY id")
          .rows();
  while (rows.next()) found.push_back(read_campaign(rows));
  return found;
}

}  // namespace fanfare::queue
