// SqlDump: the rows of one table of an SQL dump, as a parser of bytes: fed piecewise, in constant
// memory.
//
// It reads what pg_dump writes (COPY name (columns) FROM stdin; … \.  and with --inserts INSERT
// INTO), what mysqldump and mariadb-dump write (extended INSERT INTO `name` [(columns)] VALUES
// (…),(…);, the columns from CREATE TABLE where the INSERT has none), and with them what SQLite's
// .dump writes. All else of the dump is skipped: comments, other tables, functions, triggers.
//
// A backslash in a text is an escape for MySQL and itself for PostgreSQL, but for E'…'. Backquotes,
// /*! … */ and the dump's first comment tell that it is MySQL's.
//
// A row that can't be read is one bad row. Where it ends is then a guess: at the next ")," that a
// "(" follows, or at the next ";" at the end of a line.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fanfare::registry {

/// A longer value of a column that is wanted makes its row a bad one.
inline constexpr std::size_t max_sql_value_bytes = 64U << 10;

class SqlDump {
 public:
  /// Whom the rows are told to.
  class Reader {
   public:
    virtual ~Reader() = default;
    /// The columns of the rows to come, in lower case. Returns for each whether it is wanted; of
    /// those that are not, values of any length are skipped. Nothing: it wants no rows at all.
    virtual std::vector<bool> columns(std::span<const std::string> names) = 0;
    /// A value for each column; empty for NULL and for columns that are not wanted.
    virtual void row(std::span<const std::string> values) = 0;
    /// The row can't be read; `what` says why.
    virtual void bad_row(std::string what) = 0;
  };

  /// `table`: its name, maybe with its schema; upper and lower case are the same.
  SqlDump(std::string table, Reader& reader);

  void feed(std::string_view bytes);
  /// The end of the file.
  void finish();

  // Of the row that is being told:
  [[nodiscard]] std::uint64_t row_line() const noexcept { return row_line_; }      ///< From 1.
  [[nodiscard]] std::uint64_t row_number() const noexcept { return row_number_; }  ///< From 1.
  /// A statement that adds this row alone, as it stands in the dump.
  [[nodiscard]] std::string row_statement() const;
  /// Bytes of the row that `row_statement` had to leave out.
  [[nodiscard]] std::uint64_t row_bytes_cut() const noexcept { return raw_cut_; }

  [[nodiscard]] bool table_found() const noexcept { return found_; }
  /// Those that the dump has rows or a definition of; at most a hundred.
  [[nodiscard]] const std::set<std::string>& tables() const noexcept { return tables_; }

 private:
  // How the bytes are cut into tokens.
  enum class Lex : std::uint8_t {
    between,
    word,
    dash,          // One '-': a number or a comment.
    slash,         // One '/': a comment or a sign.
    line_comment,  // To the end of the line, as meta commands of psql.
    block_comment,
    block_star,  // In a block comment, behind a '*'.
    text,
    text_escape,  // Behind a backslash.
    text_code,    // In \123, \x7f or \u00e9.
    text_quote,   // Behind a quotation mark: the end, or a doubled one.
    name,
    name_quote,
    dollar_tag,  // In the first $tag$ of PostgreSQL's $tag$…$tag$.
    dollar_body,
    copy_start,  // To the end of the line of COPY.
    copy,
    copy_escape,
    copy_code,
    copy_skip,  // Lines of another table.
    delimiter,  // DELIMITER ;; … DELIMITER ; of mysqldump.
    resync,     // Behind a broken row.
  };
  enum class Token : std::uint8_t { word, name, text, symbol };
  // What is expected next.
  enum class Stage : std::uint8_t {
    start,
    skip,  // To the end of the statement.
    insert_into,
    insert_name,
    insert_columns,
    insert_values,  // VALUES, or words before it.
    tuple,          // "(" of a row.
    value,
    value_more,  // Behind the first token of a value.
    tuple_end,   // "," or ";".
    copy_name,
    copy_columns,
    copy_options,
    create_table,
    create_name,
    create_item,
    create_item_rest,
  };

  // Bytes: how many were used; none only when the state has changed.
  std::size_t step(std::string_view bytes);
  void step_between(char c);
  bool step_word(char c);
  void step_comment(char c);
  std::size_t step_text(std::string_view bytes);
  void step_escape(char c);
  bool step_code(char c);
  void step_name(char c);
  void step_dollar(char c);
  std::size_t step_copy(std::string_view bytes);
  void step_copy_skip(char c);
  void step_delimiter(char c);
  void step_resync(char c);
  void take(std::string_view bytes);
  void take_code();
  void end_token(Token kind);

  // Tokens.
  void on_token(Token kind);
  void on_start(Token kind);
  bool on_name(Token kind);
  void on_insert_name(Token kind);
  void on_insert_values(Token kind);
  void on_column_list(Token kind, Stage next);
  void on_value(Token kind);
  void on_value_more(Token kind);
  void on_copy(Token kind);
  void on_create(Token kind);
  [[nodiscard]] bool symbol(Token kind, char c) const noexcept;
  [[nodiscard]] bool word(Token kind, std::string_view upper) const;
  [[nodiscard]] std::string name() const;
  [[nodiscard]] bool is_ours() const;
  void note_table();

  // Rows.
  [[nodiscard]] bool in_row() const noexcept {
    return stage_ == Stage::value || stage_ == Stage::value_more;
  }
  [[nodiscard]] bool is_wanted() const { return column_ < wanted_.size() && wanted_[column_]; }
  void begin_statement() noexcept;
  void begin_rows(Stage next);
  void begin_row();
  void set_value();
  void end_value();
  void end_row();
  void copy_line_end();
  void keep_raw(std::string_view bytes);
  void broken(const char* what);
  void leave_broken_row();
  void tell_broken_row();

  std::string table_;
  Reader* reader_;
  bool found_ = false;
  bool stopped_ = false;  // The reader wants nothing.
  std::set<std::string> tables_;
  bool mysql_ = false;
  std::uint64_t line_ = 1;

  Lex lex_ = Lex::between;
  std::string token_;
  std::size_t token_bytes_ = 0;  // Its whole length: token_ may have less.
  bool behind_e_ = false;        // An E stands right before.
  bool escapes_ = false;         // The text under way has them.
  char quote_ = '\0';            // Of the name under way.
  std::string code_;             // A letter for its kind, then digits.
  std::string tag_;              // Of a dollar quotation.
  std::string window_;           // The last bytes, or the first of a line.
  char seen_ = '\0';             // The last byte that matters to resync.

  Stage stage_ = Stage::start;
  std::vector<std::string> name_;  // Parts of the table's.
  bool name_open_ = true;          // Another part follows.
  std::vector<std::string> list_;  // Columns that the statement names.
  int depth_ = 0;
  bool from_stdin_ = false;
  std::vector<std::string> created_columns_;

  std::vector<std::string> columns_;  // Of the rows being told.
  std::vector<bool> wanted_;
  bool copying_ = false;
  bool line_open_ = false;  // A line of COPY has begun.
  std::vector<std::string> values_;
  std::size_t column_ = 0;
  bool is_word_ = false;  // The value is a word so far, maybe what stands before a text.
  bool is_cast_ = false;  // Behind '::'.
  bool is_expression_ = false;
  std::string row_fault_;
  std::string raw_;  // The row as it stands there.
  std::uint64_t raw_cut_ = 0;
  std::uint64_t row_line_ = 0;
  std::uint64_t row_number_ = 0;
  const char* broken_ = nullptr;   // The row under way is: why.
  const char* waiting_ = nullptr;  // It was, and is told when its end is found.
  std::string again_;              // Bytes behind the beginning of a broken row, to be read anew.
};

}  // namespace fanfare::registry
