#include "registry/sql_dump.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "registry/device_batch.h"

namespace fanfare::registry {
namespace {

constexpr std::size_t max_name_bytes = 1024;
constexpr std::size_t max_columns = 4096;
constexpr std::size_t max_tables = 100;

bool is_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_word_byte(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
char upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}
bool same(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, upper, upper);
}

// What an escape of PostgreSQL stands for (4.1.2.2 and COPY); others are the character itself.
char escaped(char c) noexcept {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    default:
      return c;
  }
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80U | ((code >> shift) & 0x3fU)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0U | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0U | (code >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0U | ((code >> 18) & 0x07U));
    tail(12);
    tail(6);
    tail(0);
  }
}

// What dumps begin a statement with, as the first word of a line.
bool is_statement(std::string_view word) noexcept {
  static constexpr std::array<std::string_view, 10> words = {
      "INSERT", "REPLACE", "COPY", "CREATE", "ALTER", "DROP", "LOCK", "UNLOCK", "SET", "SELECT"};
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

SqlDump::SqlDump(std::string table, Reader& reader) : table_(std::move(table)), reader_(&reader) {}

void SqlDump::feed(std::string_view bytes) {
  while (!stopped_ && (!bytes.empty() || !again_.empty())) {
    std::string before;
    std::string_view rest = bytes;
    const bool anew = !again_.empty();
    if (anew) {
      before = std::exchange(again_, {});
      rest = before;
    }
    while (!rest.empty() && !stopped_) {
      const bool was_in_row = in_row();
      const auto used = step(rest);
      const auto part = rest.substr(0, used);
      rest.remove_prefix(used);
      if (was_in_row && (in_row() || broken_ != nullptr)) keep_raw(part);
      if (lex_ == Lex::resync && waiting_ != nullptr) keep_raw(part);
      if (broken_ != nullptr) {
        leave_broken_row();
        if (again_.empty()) {
          line_ += static_cast<std::uint64_t>(std::ranges::count(part, '\n'));
          continue;
        }
        if (anew) {
          again_ += rest;
          rest = {};
        }
        break;
      }
      line_ += static_cast<std::uint64_t>(std::ranges::count(part, '\n'));
    }
    if (!anew) bytes = rest;
  }
}

void SqlDump::finish() {
  if (stopped_) return;
  if (copying_ && line_open_) {
    if (lex_ == Lex::copy_code) take_code();
    copy_line_end();
  }
  // What an unclosed quotation mark swallowed is read anew, row by row.
  while (in_row() && !stopped_) {
    broken("the dump breaks off in this row");
    leave_broken_row();
    feed({});
  }
  tell_broken_row();
}

std::string SqlDump::row_statement() const {
  const char quote = mysql_ ? '`' : '"';
  std::string columns;
  for (const auto& column : columns_) {
    if (!columns.empty()) columns += ", ";
    columns += quote + column + quote;
  }
  std::string table;
  for (const auto& part : name_) {
    if (!table.empty()) table += '.';
    table += quote + part + quote;
  }
  if (copying_) return fmt::format("COPY {} ({}) FROM stdin;\n{}\n\\.", table, columns, raw_);
  return fmt::format("INSERT INTO {} ({}) VALUES\n{};", table, columns, raw_);
}

// Bytes to tokens -----------------------------------------------------------------------------

std::size_t SqlDump::step(std::string_view bytes) {
  const char c = bytes.front();
  switch (lex_) {
    case Lex::between:
      step_between(c);
      return 1;
    case Lex::word:
      return step_word(c) ? 1 : 0;
    case Lex::dash:
      lex_ = c == '-' ? Lex::line_comment : is_digit(c) || c == '.' ? Lex::word : Lex::between;
      if (lex_ == Lex::line_comment) return 1;
      take("-");
      if (lex_ == Lex::between) end_token(Token::symbol);
      return 0;
    case Lex::slash:
      lex_ = c == '*' ? Lex::block_comment : Lex::between;
      if (lex_ == Lex::block_comment) return 1;
      take("/");
      end_token(Token::symbol);
      return 0;
    case Lex::line_comment:
    case Lex::block_comment:
    case Lex::block_star:
      step_comment(c);
      return 1;
    case Lex::text:
      return step_text(bytes);
    case Lex::text_escape:
      step_escape(c);
      return 1;
    case Lex::text_code:
    case Lex::copy_code:
      if (step_code(c)) return 1;
      take_code();
      lex_ = lex_ == Lex::text_code ? Lex::text : Lex::copy;
      return 0;
    case Lex::text_quote:
      if (c == '\'') {
        take("'");
        lex_ = Lex::text;
        return 1;
      }
      lex_ = Lex::between;
      end_token(Token::text);
      return 0;
    case Lex::name:
      step_name(c);
      return 1;
    case Lex::name_quote:
      if (c == quote_) {
        take({&c, 1});
        lex_ = Lex::name;
        return 1;
      }
      lex_ = Lex::between;
      end_token(Token::name);
      return 0;
    case Lex::dollar_tag:
    case Lex::dollar_body:
      step_dollar(c);
      return 1;
    case Lex::copy_start:
      if (c == '\n') lex_ = copying_ ? Lex::copy : Lex::copy_skip;
      return 1;
    case Lex::copy:
      return step_copy(bytes);
    case Lex::copy_escape:
      step_escape(c);
      return c == '\n' ? 0 : 1;
    case Lex::copy_skip:
      step_copy_skip(c);
      return 1;
    case Lex::delimiter:
      step_delimiter(c);
      return 1;
    case Lex::resync:
      step_resync(c);
      return 1;
  }
  return 1;
}

void SqlDump::step_between(char c) {
  const bool behind_e = std::exchange(behind_e_, false);
  if (is_space(c)) return;
  if (c == '\'') {
    escapes_ = mysql_ || behind_e;
    lex_ = Lex::text;
  } else if (c == '"' || c == '`') {
    if (c == '`') mysql_ = true;
    quote_ = c;
    lex_ = Lex::name;
  } else if (c == '-') {
    lex_ = Lex::dash;
  } else if (c == '/') {
    lex_ = Lex::slash;
  } else if ((c == '#' && (mysql_ || stage_ == Stage::start)) ||
             (c == '\\' && stage_ == Stage::start)) {
    lex_ = Lex::line_comment;
  } else if (c == '$' && !mysql_) {
    tag_ = "$";
    lex_ = Lex::dollar_tag;
  } else if (is_word_byte(c)) {
    take({&c, 1});
    lex_ = Lex::word;
  } else {
    take({&c, 1});
    end_token(Token::symbol);
  }
}

bool SqlDump::step_word(char c) {
  const bool number = is_digit(token_.front()) || token_.front() == '-';
  const bool exponent = (c == '+' || c == '-') && upper(token_.back()) == 'E';
  if (is_word_byte(c) || c == '$' || (number && (c == '.' || exponent))) {
    take({&c, 1});
    return true;
  }
  behind_e_ = same(token_, "E");
  lex_ = Lex::between;
  end_token(Token::word);
  return false;
}

// The beginning of a comment is kept: it may tell whose dump this is.
void SqlDump::step_comment(char c) {
  if (lex_ == Lex::line_comment) {
    if (c != '\n') return take({&c, 1});
    if (tables_.empty() && (token_.find("MySQL dump") != std::string::npos ||
                            token_.find("MariaDB dump") != std::string::npos)) {
      mysql_ = true;
    }
  } else if (lex_ == Lex::block_star && c == '/') {
    if (token_.starts_with('!') || token_.starts_with("M!")) mysql_ = true;
  } else {
    lex_ = c == '*' ? Lex::block_star : Lex::block_comment;
    return take({&c, 1});
  }
  token_.clear();
  token_bytes_ = 0;
  lex_ = Lex::between;
}

std::size_t SqlDump::step_text(std::string_view bytes) {
  const auto end = bytes.find_first_of(escapes_ ? "'\\\n" : "'\n");
  if (end != 0) {
    const auto part = bytes.substr(0, end);
    take(part);
    return part.size();
  }
  const char c = bytes.front();
  if (c == '\'') {
    lex_ = Lex::text_quote;
  } else if (c == '\\') {
    lex_ = Lex::text_escape;
  } else if (!mysql_) {
    take("\n");
  } else if (in_row()) {
    // MySQL writes a line end in a text as \n.
    broken("a quotation mark is never closed");
  } else {
    lex_ = Lex::between;
    begin_statement();
  }
  return 1;
}

void SqlDump::step_escape(char c) {
  const bool copy = lex_ == Lex::copy_escape;
  lex_ = copy ? Lex::copy : Lex::text;
  if (copy) {
    if (c == '\n') {
      row_fault_ = "a backslash stands at the end of the line";
      return;
    }
    keep_raw({&c, 1});
    if (c == 'N') return;  // NULL
  } else if (mysql_) {
    if (c == '%' || c == '_') take("\\");
    const char value = c == '0' ? '\0' : c == 'Z' ? '\x1a' : c == 'f' || c == 'v' ? c : escaped(c);
    return take({&value, 1});
  }
  const bool octal = c >= '0' && c <= '7';
  if (octal || c == 'x' || (!copy && (c == 'u' || c == 'U'))) {
    code_ = octal ? std::string{'o', c} : std::string{c};
    lex_ = copy ? Lex::copy_code : Lex::text_code;
    return;
  }
  const char value = escaped(c);
  take({&value, 1});
}

// False: it does not belong to the code any more.
bool SqlDump::step_code(char c) {
  const std::size_t most = code_[0] == 'o' ? 3 : code_[0] == 'x' ? 2 : code_[0] == 'u' ? 4 : 8;
  const char high = upper(c);
  const bool digit =
      code_[0] == 'o' ? c >= '0' && c <= '7' : is_digit(c) || (high >= 'A' && high <= 'F');
  if (!digit || code_.size() > most) return false;
  code_ += c;
  if (lex_ == Lex::copy_code) keep_raw({&c, 1});
  return true;
}

void SqlDump::take_code() {
  if (code_.size() == 1) return take(code_);  // \x without digits is an x.
  std::uint32_t value = 0;
  const std::uint32_t base = code_[0] == 'o' ? 8 : 16;
  for (const char c : std::string_view(code_).substr(1)) {
    const auto digit = is_digit(c) ? c - '0' : upper(c) - 'A' + 10;
    value = value * base + static_cast<std::uint32_t>(digit);
  }
  std::string bytes;
  if (code_[0] == 'u' || code_[0] == 'U') {
    append_utf8(bytes, value);
  } else {
    bytes += static_cast<char>(value & 0xffU);
  }
  take(bytes);
}

void SqlDump::step_name(char c) {
  if (c == quote_) {
    lex_ = Lex::name_quote;
  } else {
    take({&c, 1});
  }
}

void SqlDump::step_dollar(char c) {
  if (lex_ == Lex::dollar_tag) {
    if (c != '$' && (!is_word_byte(c) || tag_.size() > 64)) {
      lex_ = Lex::between;  // A parameter such as $1, or nothing we know.
      return;
    }
    tag_ += c;
    if (c != '$') return;
    window_.clear();
    lex_ = Lex::dollar_body;
    return;
  }
  window_ += c;
  if (window_.size() > tag_.size()) window_.erase(0, 1);
  if (window_ != tag_) return;
  lex_ = Lex::between;
  end_token(Token::text);
}

void SqlDump::step_delimiter(char c) {
  if (c != '\n') {
    if (window_.size() < 32) window_ += c;
    return;
  }
  const std::string line = std::exchange(window_, {});
  const std::string_view words = trim(line);
  const bool ends = words == ";" || (words.ends_with(';') && !words.ends_with(";;") &&
                                     same(words.substr(0, 10), "DELIMITER "));
  if (!ends) return;
  lex_ = Lex::between;
  begin_statement();
}

void SqlDump::step_resync(char c) {
  if (c == '(' && seen_ == ',') {
    tell_broken_row();
    lex_ = Lex::between;
    return begin_row();
  }
  if (c == '\n' && seen_ == ';') {
    tell_broken_row();
    lex_ = Lex::between;
    return begin_statement();
  }
  if (c == '\n') {
    window_.clear();
  } else if (c == ' ' && is_statement(window_)) {
    tell_broken_row();
    begin_statement();
    token_ = std::exchange(window_, {});
    lex_ = Lex::between;
    return end_token(Token::word);
  } else if (window_.size() < 16) {
    window_ += c;
  }
  if (is_space(c)) return;
  const bool after_row = seen_ == ')' && (c == ',' || c == ';');
  seen_ = after_row || c == ')' ? c : '\0';
}

void SqlDump::take(std::string_view bytes) {
  std::size_t most = max_name_bytes;
  if (copying_ || in_row()) most = is_wanted() ? max_sql_value_bytes : lex_ == Lex::text ? 0 : 64;
  token_bytes_ += bytes.size();
  if (token_.size() < most) token_ += bytes.substr(0, most - token_.size());
}

void SqlDump::end_token(Token kind) {
  on_token(kind);
  token_.clear();
  token_bytes_ = 0;
}

// Tokens to rows ------------------------------------------------------------------------------

bool SqlDump::symbol(Token kind, char c) const noexcept {
  return kind == Token::symbol && token_.size() == 1 && token_.front() == c;
}

bool SqlDump::word(Token kind, std::string_view upper_case) const {
  return kind == Token::word && same(token_, upper_case);
}

std::string SqlDump::name() const {
  return fmt::format("{}", fmt::join(name_, "."));
}

bool SqlDump::is_ours() const {
  if (name_.empty()) return false;
  return same(name_.back(), table_) || (name_.size() > 1 && same(name(), table_));
}

void SqlDump::note_table() {
  if (is_ours()) found_ = true;
  if (tables_.size() < max_tables) tables_.insert(name());
}

void SqlDump::begin_statement() noexcept {
  stage_ = Stage::start;
  name_.clear();
  name_open_ = true;
  list_.clear();
  depth_ = 0;
  from_stdin_ = false;
  copying_ = false;
}

void SqlDump::on_token(Token kind) {
  // Within a row it is a row that was cut.
  if (symbol(kind, ';') && !in_row() && stage_ != Stage::copy_options) return begin_statement();
  switch (stage_) {
    case Stage::start:
      return on_start(kind);
    case Stage::skip:
      return;
    case Stage::insert_into:
      if (word(kind, "INTO")) stage_ = Stage::insert_name;
      if (kind != Token::word) stage_ = Stage::skip;
      return;
    case Stage::insert_name:
      return on_insert_name(kind);
    case Stage::insert_columns:
      return on_column_list(kind, Stage::insert_values);
    case Stage::insert_values:
      return on_insert_values(kind);
    case Stage::tuple:
      if (symbol(kind, '(')) return begin_row();
      stage_ = Stage::skip;
      return;
    case Stage::value:
      return on_value(kind);
    case Stage::value_more:
      return on_value_more(kind);
    case Stage::tuple_end:
      stage_ = symbol(kind, ',') ? Stage::tuple : Stage::skip;
      return;
    case Stage::copy_columns:
      return on_column_list(kind, Stage::copy_options);
    case Stage::copy_name:
    case Stage::copy_options:
      return on_copy(kind);
    case Stage::create_table:
    case Stage::create_name:
    case Stage::create_item:
    case Stage::create_item_rest:
      return on_create(kind);
  }
}

void SqlDump::on_start(Token kind) {
  stage_ = Stage::skip;
  if (word(kind, "INSERT") || word(kind, "REPLACE")) {
    stage_ = Stage::insert_into;
  } else if (word(kind, "COPY")) {
    stage_ = Stage::copy_name;
  } else if (word(kind, "CREATE")) {
    stage_ = Stage::create_table;
  } else if (word(kind, "DELIMITER")) {
    window_.clear();
    lex_ = Lex::delimiter;
  }
}

// False: the name has ended, and this is what stands behind it.
bool SqlDump::on_name(Token kind) {
  if (name_open_ && (kind == Token::word || kind == Token::name)) {
    if (name_.size() < 4) name_.push_back(token_);
    name_open_ = false;
    return true;
  }
  if (!symbol(kind, '.')) return false;
  name_open_ = true;
  return true;
}

void SqlDump::on_insert_name(Token kind) {
  if (on_name(kind)) return;
  note_table();
  if (!is_ours()) {
    stage_ = Stage::skip;
  } else if (symbol(kind, '(')) {
    stage_ = Stage::insert_columns;
  } else {
    stage_ = Stage::insert_values;
    on_insert_values(kind);
  }
}

void SqlDump::on_insert_values(Token kind) {
  if (word(kind, "VALUES") || word(kind, "VALUE")) return begin_rows(Stage::tuple);
  if (kind != Token::word || word(kind, "SELECT") || word(kind, "DEFAULT")) stage_ = Stage::skip;
}

void SqlDump::on_column_list(Token kind, Stage next) {
  if (symbol(kind, ')')) {
    stage_ = next;
  } else if (kind == Token::word || kind == Token::name) {
    if (list_.size() < max_columns) list_.push_back(lower(token_));
  } else if (!symbol(kind, ',')) {
    stage_ = Stage::skip;
  }
}

void SqlDump::on_copy(Token kind) {
  if (stage_ == Stage::copy_name) {
    if (on_name(kind)) return;
    note_table();
    stage_ = symbol(kind, '(') ? Stage::copy_columns : Stage::copy_options;
    return;
  }
  if (word(kind, "STDIN")) from_stdin_ = true;
  if (!symbol(kind, ';')) return;
  if (!from_stdin_) return begin_statement();
  if (is_ours()) begin_rows(Stage::copy_options);
  copying_ = is_ours();
  line_open_ = false;
  window_.clear();
  lex_ = Lex::copy_start;
}

void SqlDump::on_create(Token kind) {
  if (stage_ == Stage::create_table) {
    if (word(kind, "TABLE")) {
      stage_ = Stage::create_name;
    } else if (kind != Token::word || word(kind, "FUNCTION") || word(kind, "VIEW")) {
      stage_ = Stage::skip;
    }
    return;
  }
  if (stage_ == Stage::create_name) {
    const bool condition =
        name_.empty() && (word(kind, "IF") || word(kind, "NOT") || word(kind, "EXISTS"));
    if (condition || on_name(kind)) return;
    if (!symbol(kind, '(')) {
      stage_ = Stage::skip;
      return;
    }
    note_table();
    stage_ = is_ours() ? Stage::create_item : Stage::skip;
    if (is_ours()) created_columns_.clear();
    return;
  }
  if (stage_ == Stage::create_item) {
    static constexpr std::array<std::string_view, 12> others = {
        "PRIMARY", "KEY",   "UNIQUE",  "CONSTRAINT", "INDEX", "FULLTEXT",
        "SPATIAL", "CHECK", "FOREIGN", "EXCLUDE",    "LIKE",  "PERIOD"};
    const bool is_column =
        kind == Token::name ||
        (kind == Token::word &&
         std::ranges::none_of(others, [&](std::string_view other) { return same(token_, other); }));
    if (is_column && created_columns_.size() < max_columns) {
      created_columns_.push_back(lower(token_));
    }
    stage_ = Stage::create_item_rest;
    return;
  }
  if (symbol(kind, '(')) ++depth_;
  if (symbol(kind, ')') && --depth_ < 0) stage_ = Stage::skip;
  if (symbol(kind, ',') && depth_ == 0) stage_ = Stage::create_item;
}

// Rows ----------------------------------------------------------------------------------------

void SqlDump::begin_rows(Stage next) {
  const auto& names = list_.empty() ? created_columns_ : list_;
  if (names != columns_ || wanted_.empty()) {
    columns_ = names;
    wanted_ = reader_->columns(columns_);
    wanted_.resize(wanted_.empty() ? 0 : columns_.size());
    stopped_ = wanted_.empty();
    values_.assign(columns_.size(), {});
  }
  stage_ = next;
}

void SqlDump::begin_row() {
  stage_ = copying_ ? Stage::copy_options : Stage::value;
  raw_ = copying_ ? "" : "(";
  raw_cut_ = 0;
  row_line_ = line_;
  ++row_number_;
  row_fault_.clear();
  column_ = 0;
  for (std::string& value : values_) value.clear();
  is_word_ = is_cast_ = is_expression_ = false;
  depth_ = 0;
}

void SqlDump::keep_raw(std::string_view bytes) {
  const auto kept =
      bytes.substr(0, max_kept_line_bytes - std::min(raw_.size(), max_kept_line_bytes));
  raw_ += kept;
  raw_cut_ += bytes.size() - kept.size();
}

void SqlDump::set_value() {
  if (!is_wanted()) return;
  if (token_bytes_ > token_.size()) {
    row_fault_ = fmt::format("{} is longer than {} bytes", columns_[column_], max_sql_value_bytes);
  }
  values_[column_].swap(token_);
}

void SqlDump::on_value(Token kind) {
  if (symbol(kind, ';')) return broken("the row is never closed");
  if (symbol(kind, ')') && column_ == 0) return end_row();
  if (symbol(kind, ',') || symbol(kind, ')')) return broken("a value is missing");
  stage_ = Stage::value_more;
  if (kind == Token::text) {
    set_value();
  } else if (kind == Token::word) {
    is_word_ = true;
    if (!word(kind, "NULL")) set_value();
  } else {
    is_expression_ = true;
    if (symbol(kind, '(')) depth_ = 1;
  }
}

void SqlDump::on_value_more(Token kind) {
  if (symbol(kind, ';')) return broken("the row is never closed");
  if (symbol(kind, '(')) {
    is_expression_ = is_expression_ || !is_cast_;
    ++depth_;
  } else if (depth_ > 0) {
    if (symbol(kind, ')')) --depth_;
  } else if (symbol(kind, ',') || symbol(kind, ')')) {
    end_value();
    stage_ = Stage::value;
    if (symbol(kind, ')')) end_row();
  } else if (symbol(kind, ':')) {
    is_cast_ = true;
  } else if (is_cast_ || is_expression_) {
    return;
  } else if (kind == Token::text && is_word_) {
    // _binary 'x', E'x', DATE '2026-01-01'.
    is_word_ = false;
    set_value();
  } else if (kind == Token::symbol || (is_word_ && kind == Token::word)) {
    is_expression_ = true;
  } else {
    broken("a quotation mark is missing or too many");
  }
}

void SqlDump::end_value() {
  if (is_expression_ && is_wanted() && row_fault_.empty()) {
    row_fault_ = fmt::format("{} is an expression, not a value", columns_[column_]);
  }
  ++column_;
  is_word_ = is_cast_ = is_expression_ = false;
}

void SqlDump::end_row() {
  if (!copying_) {
    keep_raw(")");
    stage_ = Stage::tuple_end;
  }
  if (column_ != columns_.size()) {
    row_fault_ = fmt::format("{} values, but the table has {} columns", column_, columns_.size());
  }
  if (row_fault_.empty()) return reader_->row(values_);
  reader_->bad_row(row_fault_);
}

// The row can't be read to its end.
void SqlDump::broken(const char* what) {
  broken_ = what;
}

// Its bytes are read anew, to find where it ends.
void SqlDump::leave_broken_row() {
  waiting_ = std::exchange(broken_, nullptr);
  stage_ = Stage::tuple_end;
  lex_ = Lex::resync;
  seen_ = '\0';
  window_ = "(";  // This is not the beginning of a line.
  token_.clear();
  token_bytes_ = 0;
  if (raw_cut_ > 0) return;
  again_ = raw_.substr(1);
  raw_ = "(";
  line_ = row_line_;
}

// The end of a broken row was found, or will not be.
void SqlDump::tell_broken_row() {
  if (waiting_ == nullptr) return;
  const auto end = raw_.rfind(')');
  if (raw_cut_ == 0 && end != std::string::npos) raw_.resize(end + 1);
  reader_->bad_row(std::exchange(waiting_, nullptr));
}

// COPY ----------------------------------------------------------------------------------------

std::size_t SqlDump::step_copy(std::string_view bytes) {
  if (!line_open_) {
    begin_row();
    line_open_ = true;
  }
  const auto end = bytes.find_first_of("\t\n\\");
  if (end != 0) {
    const auto part = bytes.substr(0, end);
    take(part);
    keep_raw(part);
    return part.size();
  }
  const char c = bytes.front();
  if (c == '\n') {
    copy_line_end();
    return 1;
  }
  keep_raw({&c, 1});
  if (c == '\\') {
    lex_ = Lex::copy_escape;
    return 1;
  }
  set_value();
  token_.clear();
  token_bytes_ = 0;
  ++column_;
  return 1;
}

void SqlDump::copy_line_end() {
  line_open_ = false;
  if (raw_.ends_with('\r') && raw_cut_ == 0) {
    raw_.pop_back();
    --token_bytes_;
    if (token_.ends_with('\r')) token_.pop_back();
  }
  if (raw_ == "\\.") {
    --row_number_;
    token_.clear();
    token_bytes_ = 0;
    lex_ = Lex::between;
    return begin_statement();
  }
  set_value();
  token_.clear();
  token_bytes_ = 0;
  ++column_;
  end_row();
}

void SqlDump::step_copy_skip(char c) {
  if (c != '\n') {
    if (window_.size() < 4) window_ += c;
    return;
  }
  const std::string line = std::exchange(window_, {});
  if (line != "\\." && line != "\\.\r") return;
  lex_ = Lex::between;
  begin_statement();
}

}  // namespace fanfare::registry
