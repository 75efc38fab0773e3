<?php

declare(strict_types=1);

/*
 * A server for one TLS connection. It reads a byte, sends hello, and ends the connection: with
 * close_notify for the second argument `clean`, without it for `cut`.
 */

[, $certificate, $end] = $argv;
$context = stream_context_create(['ssl' => ['local_cert' => $certificate, 'alpn_protocols' => 'h2']]);
$server = stream_socket_server('tcp://127.0.0.1:0', $number, $message, context: $context);
echo stream_socket_get_name($server, false), "\n";
$peer = stream_socket_accept($server, 10);
if (!@stream_socket_enable_crypto($peer, true, STREAM_CRYPTO_METHOD_TLS_SERVER)) {
    exit(0);
}
fread($peer, 1);
fwrite($peer, 'hello');
if ($end === 'clean') {
    stream_socket_enable_crypto($peer, false);
}
stream_socket_shutdown($peer, STREAM_SHUT_WR);
