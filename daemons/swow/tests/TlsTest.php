<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Api;
use StreamingDaemon\Swow\OpenSsl;
use StreamingDaemon\Swow\Tls;
use StreamingDaemon\Swow\TlsException;

/** Tests of TLS against PHP's own TLS, in another process, with a certificate that the test makes. */
final class TlsTest extends TestCase
{
    private const SERVER = __DIR__ . '/tls-server.php';

    private static string $folder;

    /** @var resource|null */
    private $server = null;

    /** @var resource|null */
    private $socket = null;

    public static function setUpBeforeClass(): void
    {
        self::$folder = sys_get_temp_dir() . '/tls-' . bin2hex(random_bytes(6));
        mkdir(self::$folder, 0700);
        $config = self::$folder . '/openssl.cnf';
        file_put_contents($config, <<<'INI'
            [req]
            default_bits = 2048
            distinguished_name = name
            [name]
            [san]
            subjectAltName = DNS:api.test, IP:127.0.0.1

            INI);
        $options = ['config' => $config, 'x509_extensions' => 'san', 'digest_alg' => 'sha256'];
        $key = openssl_pkey_new(['private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1'] + $options);
        $request = openssl_csr_new(['commonName' => 'test'], $key, $options);
        openssl_x509_export(openssl_csr_sign($request, null, $key, 1, $options), $certificate);
        openssl_pkey_export($key, $private, null, $options);
        file_put_contents(self::$folder . '/certificate.pem', $certificate);
        file_put_contents(self::$folder . '/both.pem', $certificate . $private);
    }

    public static function tearDownAfterClass(): void
    {
        array_map(unlink(...), glob(self::$folder . '/*') ?: []);
        rmdir(self::$folder);
    }

    protected function tearDown(): void
    {
        if ($this->server !== null) {
            proc_terminate($this->server);
            proc_close($this->server);
        }
    }

    public function testCloseNotifyIsACleanEnd(): void
    {
        $tls = $this->connect('api.test', 'clean');
        self::assertSame('h2', $tls->protocol());
        self::assertSame('hello', $this->readToEnd($tls));
        self::assertTrue($tls->isClosed());
    }

    public function testACutIsNotACleanEnd(): void
    {
        $tls = $this->connect('127.0.0.1', 'cut');
        self::assertSame('hello', $this->readToEnd($tls));
        self::assertFalse($tls->isClosed());
    }

    /** @dataProvider wrongNames */
    public function testNameIsVerified(string $name): void
    {
        $this->expectException(TlsException::class);
        $this->expectExceptionMessage('mismatch');
        $this->connect($name, 'clean');
    }

    /** @return list<array{string}> */
    public static function wrongNames(): array
    {
        return [['other.test'], ['127.0.0.2']];
    }

    public function testInsecureDoesNotVerify(): void
    {
        $tls = $this->connect('other.test', 'clean', ['OPENAI_INSECURE_SSL' => 'true']);
        self::assertSame('hello', $this->readToEnd($tls));
    }

    public function testUnknownAuthority(): void
    {
        $this->expectException(TlsException::class);
        $this->expectExceptionMessage('certificate');
        $this->connect('api.test', 'clean', ['OPENAI_CA_FILE' => '']);
    }

    public function testOtherProtocolsFailTheHandshake(): void
    {
        $tls = new Tls(OpenSsl::forApi(Api::fromEnvironment([])), 'api.test', true);
        self::assertFalse($tls->handshake());
        $tls->receive("HTTP/1.1 400 Bad Request\r\n\r\n");
        $this->expectException(TlsException::class);
        $tls->handshake();
    }

    /** @param array<string, string> $environment */
    private function connect(string $name, string $end, array $environment = []): Tls
    {
        $command = [PHP_BINARY, '-n', self::SERVER, self::$folder . '/both.pem', $end];
        $this->server = proc_open($command, [1 => ['pipe', 'w']], $pipes) ?: null;
        $address = trim((string) fgets($pipes[1]));
        $this->socket = stream_socket_client("tcp://$address") ?: null;
        $environment += ['OPENAI_CA_FILE' => self::$folder . '/certificate.pem'];
        $api = Api::fromEnvironment(['OPENAI_API_BASE' => 'https://api.test/v1'] + $environment);
        $tls = new Tls(OpenSsl::forApi($api), $name, !$api->insecure);
        while (!$tls->handshake()) {
            fwrite($this->socket, $tls->output());
            $tls->receive((string) fread($this->socket, 65536));
        }
        $tls->write('x');
        fwrite($this->socket, $tls->output());
        return $tls;
    }

    private function readToEnd(Tls $tls): string
    {
        $text = '';
        while (!$tls->isClosed() && ($bytes = (string) fread($this->socket, 65536)) !== '') {
            $tls->receive($bytes);
            $text .= $tls->read();
        }
        return $text;
    }
}
