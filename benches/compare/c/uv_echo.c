/* The echo server on libuv: one fixed 64-byte buffer a connection, uv_try_write first (as libuv's
 * documentation advises for small writes); a write request is made only for what the socket did not
 * take, so that an idle connection does not carry one. */

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* Kept by the Rust side, which ends the process after the last connection. */
void compare_tally_listening(unsigned short port);
void compare_tally_accepted(void);
void compare_tally_closed(void);

struct connection {
  uv_tcp_t tcp;
  char buffer[64];
};

static void on_close(uv_handle_t *handle) {
  free(handle);
  compare_tally_closed();
}

static void on_written(uv_write_t *request, int status) {
  uv_stream_t *stream = request->handle;
  free(request);
  if (status < 0 && !uv_is_closing((uv_handle_t *)stream)) {
    uv_close((uv_handle_t *)stream, on_close);
  }
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  struct connection *connection = (struct connection *)handle;
  (void)suggested;
  buffer->base = connection->buffer;
  buffer->len = sizeof connection->buffer;
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
  uv_write_t *request;
  uv_buf_t rest;
  int written;
  if (length < 0) {
    uv_close((uv_handle_t *)stream, on_close);
    return;
  }
  if (length == 0) {
    return;
  }
  rest = uv_buf_init(buffer->base, (unsigned)length);
  written = uv_try_write(stream, &rest, 1);
  if (written == length) {
    return;
  }
  if (written < 0 && written != UV_EAGAIN) {
    uv_close((uv_handle_t *)stream, on_close);
    return;
  }
  if (written > 0) {
    rest.base += written;
    rest.len -= (size_t)written;
  }
  /* One request at a time: the client waits for the answer before it sends again. */
  request = malloc(sizeof *request);
  if (request == NULL) {
    abort();
  }
  uv_write(request, stream, &rest, 1, on_written);
}

static void on_connection(uv_stream_t *server, int status) {
  struct connection *connection;
  if (status < 0) {
    return;
  }
  connection = malloc(sizeof *connection);
  if (connection == NULL) {
    abort();
  }
  uv_tcp_init(server->loop, &connection->tcp);
  if (uv_accept(server, (uv_stream_t *)&connection->tcp) != 0) {
    uv_close((uv_handle_t *)&connection->tcp, (uv_close_cb)free);
    return;
  }
  compare_tally_accepted();
  uv_read_start((uv_stream_t *)&connection->tcp, on_allocate, on_read);
}

int compare_uv_serve(void) {
  uv_loop_t *loop = uv_default_loop();
  static uv_tcp_t server;
  struct sockaddr_in address;
  struct sockaddr_storage bound;
  int length = sizeof bound;
  int result;

  if ((result = uv_ip4_addr("127.0.0.1", 0, &address)) != 0) return result;
  if ((result = uv_tcp_init(loop, &server)) != 0) return result;
  if ((result = uv_tcp_bind(&server, (const struct sockaddr *)&address, 0)) != 0) return result;
  if ((result = uv_listen((uv_stream_t *)&server, 1024, on_connection)) != 0) return result;
  if ((result = uv_tcp_getsockname(&server, (struct sockaddr *)&bound, &length)) != 0) return result;
  compare_tally_listening(ntohs(((struct sockaddr_in *)&bound)->sin_port));
  return uv_run(loop, UV_RUN_DEFAULT);
}

const char *compare_uv_version(void) { return uv_version_string(); }
