<?php

declare(strict_types=1);

/*
 * A server for one connection. It prints its port, accepts, and runs the given code with the
 * connection in $peer. Arguments: http or https, and the code.
 */

[, $scheme, $code] = $argv;
$context = stream_context_create();
if ($scheme === 'https') {
    $key = openssl_pkey_new(['private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1']);
    $certificate = openssl_csr_sign(openssl_csr_new(['commonName' => 'test'], $key), null, $key, 1);
    openssl_x509_export($certificate, $pem);
    openssl_pkey_export($key, $keyPem);
    $file = tempnam(sys_get_temp_dir(), 'cert');
    file_put_contents($file, $pem . $keyPem);
    stream_context_set_option($context, 'ssl', 'local_cert', $file);
}
$listener = stream_socket_server('tcp://127.0.0.1:0', context: $context);
echo substr((string) strrchr(stream_socket_get_name($listener, false), ':'), 1), "\n";
$peer = stream_socket_accept($listener, 10);
if ($scheme === 'https') {
    stream_socket_enable_crypto($peer, true, STREAM_CRYPTO_METHOD_TLS_SERVER);
    unlink($file);
}
eval($code);
