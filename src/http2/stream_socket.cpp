#include "http2/stream_socket.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "http2/spare_buffers.h"

namespace fanfare::http2 {
namespace {

namespace asio = boost::asio;

constexpr std::size_t input_bytes = 64U << 10;

std::string peer_name(const std::string& host, std::uint16_t port) {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Error network_error(std::string what, std::string remedy = {}) {
  return {Error::Kind::network, std::move(what), std::move(remedy)};
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::vector<asio::ip::tcp::endpoint> in_turn(const std::vector<asio::ip::tcp::endpoint>& addresses,
                                             std::uint64_t turn) {
  if (addresses.empty()) return addresses;
  std::vector<asio::ip::tcp::endpoint> preferred;
  std::vector<asio::ip::tcp::endpoint> others;
  for (const auto& address : addresses) {
    (address.protocol() == addresses.front().protocol() ? preferred : others).push_back(address);
  }
  std::ranges::rotate(preferred,
                      preferred.begin() + static_cast<std::ptrdiff_t>(turn % preferred.size()));
  preferred.insert(preferred.end(), others.begin(), others.end());
  return preferred;
}

StreamSocket::StreamSocket(Tcp::socket socket, Owner& owner, std::string peer)
    : socket_(std::move(socket)),
      resolver_(socket_.get_executor()),
      address_timer_(socket_.get_executor()),
      owner_(&owner),
      peer_(std::move(peer)) {}

std::shared_ptr<StreamSocket> StreamSocket::connect(asio::io_context& io, Owner& owner,
                                                    const std::string& host, std::uint16_t port,
                                                    std::unique_ptr<TlsEngine> tls,
                                                    std::chrono::milliseconds address_timeout,
                                                    std::uint64_t address_turn) {
  const std::shared_ptr<StreamSocket> self(
      new StreamSocket(Tcp::socket(io), owner, peer_name(host, port)));
  self->client_ = true;
  self->tls_ = std::move(tls);
  self->address_timeout_ = address_timeout;
  self->address_turn_ = address_turn;
  self->resolve(host, port);
  return self;
}

std::shared_ptr<StreamSocket> StreamSocket::adopt(Tcp::socket socket, Owner& owner) {
  ErrorCode ignored;
  const auto address = socket.remote_endpoint(ignored);
  const std::shared_ptr<StreamSocket> self(new StreamSocket(
      std::move(socket), owner, peer_name(address.address().to_string(), address.port())));
  self->connected_ = true;
  // Not from within adopt: the owner does not have its pointer yet.
  asio::post(self->socket_.get_executor(), [self] {
    if (self->owner_ != nullptr) self->start();
  });
  return self;
}

void StreamSocket::resolve(const std::string& host, std::uint16_t port) {
  ErrorCode error;
  if (const auto address = asio::ip::make_address(host, error); !error) {
    addresses_.emplace_back(address, port);
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->try_next_address(); });
    return;
  }
  resolver_.async_resolve(
      host, std::to_string(port),
      [self = shared_from_this(), host](const ErrorCode& failure,
                                        const Tcp::resolver::results_type& results) {
        if (self->owner_ == nullptr) return;
        if (failure) {
          self->lose(network_error(
              fmt::format("cannot find the host {}: {}", host, failure.message()),
              "Check the host's name, and that this machine's DNS and network work."));
          return;
        }
        for (const auto& entry : results) self->addresses_.push_back(entry.endpoint());
        self->addresses_ = in_turn(self->addresses_, self->address_turn_);
        std::ranges::reverse(self->addresses_);
        self->try_next_address();
      });
}

void StreamSocket::try_next_address() {
  if (owner_ == nullptr) return;
  if (addresses_.empty()) {
    lose(network_error(
        fmt::format("cannot connect to {}: {}", peer_, connect_failure_.message()),
        "Check that the server runs, that host and port are right, and that no firewall is in "
        "the way."));
    return;
  }
  const Tcp::endpoint address = addresses_.back();
  addresses_.pop_back();
  ErrorCode ignored;
  socket_.close(ignored);
  address_timer_.expires_after(address_timeout_);
  address_timer_.async_wait([self = shared_from_this()](const ErrorCode& cancelled) {
    // A wait that ended just before it was set anew must not end the next address's attempt.
    const bool overtaken = self->address_timer_.expiry() > std::chrono::steady_clock::now();
    if (cancelled || overtaken || self->connected_ || self->owner_ == nullptr) return;
    ErrorCode none;
    self->socket_.close(none);
  });
  socket_.async_connect(address, [self = shared_from_this()](const ErrorCode& error) {
    if (self->owner_ != nullptr) self->on_connected(error);
  });
}

void StreamSocket::on_connected(const ErrorCode& error) {
  address_timer_.cancel();
  if (error || !socket_.is_open()) {
    connect_failure_ =
        !error || error == asio::error::operation_aborted ? asio::error::timed_out : error;
    try_next_address();
    return;
  }
  connected_ = true;
  start();
}

void StreamSocket::start() {
  ErrorCode error;
  socket_.non_blocking(true, error);
  if (!error) socket_.set_option(Tcp::no_delay(true), error);
  if (error) {
    lose("cannot set up the connection", error);
    return;
  }
  input_ = std::make_unique_for_overwrite<std::uint8_t[]>(input_bytes);
  if (client_ && tls_ == nullptr) {
    opened_ = true;
    owner_->on_open();
  }
  flush();
  read();
}

void StreamSocket::start_tls(std::unique_ptr<TlsEngine> tls, const std::string& first) {
  pull();
  tls_ = std::move(tls);
  deliver_tls(bytes_of(first));
}

void StreamSocket::read() {
  if (owner_ == nullptr || reading_) return;
  const bool crowded = queued_.size() - written_ >= output_bound_bytes;
  if (!finishing_ && (!reading_wanted_ || crowded)) return;
  reading_ = true;
  socket_.async_read_some(asio::buffer(input_.get(), input_bytes),
                          [self = shared_from_this()](const ErrorCode& error, std::size_t count) {
                            if (self->owner_ != nullptr) self->on_read(error, count);
                          });
}

void StreamSocket::on_read(const ErrorCode& error, std::size_t count) {
  if (error == asio::error::eof) {
    const bool early = tls_ != nullptr && !tls_->handshake_done();
    lose(network_error(fmt::format("{} closed the connection{}", peer_,
                                   early ? " during the TLS handshake" : "")));
    return;
  }
  if (error) {
    lose("lost the connection", error);
    return;
  }
  if (!finishing_) deliver({input_.get(), count});
  // Only now: until here the owner may look at the buffer that the next read fills.
  reading_ = false;
  flush();
  read();
}

void StreamSocket::deliver(std::span<const std::uint8_t> wire) {
  if (tls_ != nullptr) {
    deliver_tls(wire);
  } else {
    owner_->on_bytes(wire);
  }
}

void StreamSocket::deliver_tls(std::span<const std::uint8_t> wire) {
  std::string plain = take_spare_buffer();
  const auto received = tls_->receive(wire, plain);
  if (!received) {
    tls_->take_output(queued_);  // The alert tells the peer why.
    write();
    if (owner_ == nullptr) return;
    Error error = received.error();
    error.what = fmt::format("{}: {}", peer_, error.what);
    lose(std::move(error));
    return;
  }
  if (tls_->handshake_done() && !opened_) {
    opened_ = true;
    owner_->on_open();
  }
  if (owner_ != nullptr && !plain.empty()) owner_->on_bytes(bytes_of(plain));
  give_spare_buffer(std::move(plain));
  if (owner_ != nullptr && tls_->closed() && !finishing_) {
    lose(network_error(fmt::format("{} closed the connection", peer_)));
  }
}

void StreamSocket::flush_soon() {
  if (flush_posted_ || owner_ == nullptr) return;
  flush_posted_ = true;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void StreamSocket::flush() {
  if (owner_ == nullptr || !connected_ || finishing_) return;
  const bool room = queued_.size() - written_ < output_bound_bytes;
  if (room) pull();
  write();
  // What the owner held back while there was no room may go now.
  if (!room && !writing_) flush();
}

void StreamSocket::pull() {
  if (tls_ == nullptr) {
    owner_->take_output(queued_);
    return;
  }
  std::string plain = take_spare_buffer();
  owner_->take_output(plain);
  if (!plain.empty()) tls_->send(plain);
  give_spare_buffer(std::move(plain));
  tls_->take_output(queued_);
}

void StreamSocket::write() {
  if (writing_ || !socket_.is_open()) return;
  while (has_output()) {
    ErrorCode error;
    written_ += socket_.write_some(
        asio::buffer(queued_.data() + written_, queued_.size() - written_), error);
    if (error == asio::error::would_block) {
      queued_.erase(0, std::exchange(written_, 0));
      writing_ = true;
      socket_.async_wait(Tcp::socket::wait_write,
                         [self = shared_from_this()](const ErrorCode& failure) {
                           self->writing_ = false;
                           if (self->owner_ == nullptr || failure) return;
                           self->flush();
                           if (self->finishing_) self->write();
                           self->read();
                         });
      return;
    }
    if (error) {
      lose("lost the connection", error);
      return;
    }
  }
  give_spare_buffer(std::exchange(queued_, {}));
  written_ = 0;
  if (finishing_) {
    ErrorCode ignored;
    socket_.shutdown(Tcp::socket::shutdown_send, ignored);
  }
}

void StreamSocket::set_reading(bool on) {
  reading_wanted_ = on;
  if (on && connected_ && input_ != nullptr) read();
}

void StreamSocket::finish(bool without_a_word) {
  if (owner_ == nullptr || finishing_) return;
  if (!connected_) {
    close();
    return;
  }
  pull();
  finishing_ = true;
  if (tls_ != nullptr && !without_a_word) {
    tls_->shut_down();
    tls_->take_output(queued_);
  }
  write();
  read();
}

void StreamSocket::close() {
  owner_ = nullptr;
  ErrorCode ignored;
  resolver_.cancel();
  address_timer_.cancel();
  socket_.close(ignored);
}

void StreamSocket::lose(Error reason) {
  Owner* owner = owner_;
  close();
  if (owner != nullptr) owner->on_closed(std::move(reason));
}

void StreamSocket::lose(std::string_view what, const ErrorCode& error) {
  lose(network_error(fmt::format("{} to {}: {}", what, peer_, error.message())));
}

}  // namespace fanfare::http2
