#include "queue/schema.h"

namespace fanfare::queue {

// Times are milliseconds since 1970; texts are empty rather than NULL.
const char* const schema_sql = R"sql(
CREATE TABLE project (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  accepted INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0,
  rejected INTEGER NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0,
  expired INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  unknown INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE text (
  id INTEGER PRIMARY KEY,
  message TEXT NOT NULL,
  users INTEGER NOT NULL
) STRICT;

CREATE TABLE message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  due INTEGER,
  expires INTEGER,
  accepted INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  value TEXT NOT NULL,
  platform TEXT NOT NULL,
  text INTEGER,
  message TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  rule TEXT NOT NULL,
  order_key TEXT,
  labels TEXT NOT NULL,
  trace TEXT NOT NULL
) STRICT;
CREATE INDEX message_ready ON message (project, priority, due) WHERE due IS NOT NULL;
CREATE INDEX message_order ON message (project, order_key, id) WHERE order_key IS NOT NULL;

CREATE TABLE ended (
  id INTEGER PRIMARY KEY,
  project INTEGER NOT NULL,
  state INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  rule TEXT NOT NULL,
  status INTEGER NOT NULL,
  name TEXT NOT NULL,
  priority INTEGER NOT NULL,
  labels TEXT NOT NULL,
  trace TEXT NOT NULL
) STRICT;

CREATE TABLE dead (
  id INTEGER PRIMARY KEY,
  project INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  value TEXT NOT NULL,
  platform TEXT NOT NULL,
  message TEXT NOT NULL,
  flags INTEGER NOT NULL,
  evidence TEXT NOT NULL
) STRICT;
CREATE INDEX dead_project ON dead (project, id);

CREATE TABLE idempotency (
  first INTEGER PRIMARY KEY,
  project INTEGER NOT NULL,
  hash BLOB NOT NULL,
  fingerprint BLOB NOT NULL,
  count INTEGER NOT NULL,
  at INTEGER NOT NULL,
  UNIQUE (project, hash)
) STRICT;

CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  project TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;

CREATE TABLE webhook (
  id TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  secret TEXT NOT NULL,
  types TEXT NOT NULL,
  project TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  created INTEGER NOT NULL,
  cursor INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  retry_at INTEGER,
  last_error TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_dead (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  webhook TEXT NOT NULL,
  event INTEGER NOT NULL,
  event_at INTEGER NOT NULL,
  type TEXT NOT NULL,
  project TEXT NOT NULL,
  data TEXT NOT NULL,
  at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL
) STRICT;
CREATE INDEX webhook_dead_of ON webhook_dead (webhook, id);

CREATE TABLE api_key (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  hash BLOB NOT NULL,
  scopes TEXT NOT NULL,
  projects TEXT NOT NULL,
  requests_per_second INTEGER NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER,
  revoked INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  project TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL,
  request_id TEXT NOT NULL
) STRICT;

CREATE TABLE campaign (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL,
  name TEXT NOT NULL,
  state INTEGER NOT NULL,
  audience TEXT NOT NULL,
  message TEXT NOT NULL,
  validate_only INTEGER NOT NULL,
  start_at INTEGER,
  expires_at INTEGER,
  messages_per_minute INTEGER NOT NULL,
  registry_campaign INTEGER NOT NULL,
  created INTEGER NOT NULL,
  started INTEGER,
  ended INTEGER,
  reason TEXT NOT NULL,
  labels TEXT NOT NULL,
  audience_count INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  retired INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  unknown INTEGER NOT NULL,
  cancelled INTEGER NOT NULL,
  by_rule TEXT NOT NULL
) STRICT;
CREATE INDEX campaign_open ON campaign (id) WHERE state < 5;
)sql";

}  // namespace fanfare::queue
