<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Tests;

use PHPUnit\Framework\TestCase;
use StreamingDaemon\Amp\Answer;
use StreamingDaemon\Amp\ClientLostException;
use StreamingDaemon\Client;

use function Amp\async;
use function Amp\delay;

/** Tests of answers over real sockets, to clients that read, stall, leave and send bytes. */
final class AnswerTest extends TestCase
{
    /** @var resource the client's end */
    private $client;
    private int $left = 0;

    public function testTheClientSeesTheEndAndTheDaemonLingers(): void
    {
        $answer = $this->answer();
        $answer->write('Hello');
        $answer->end(', world');
        self::assertSame('Hello, world', stream_get_contents($this->client));
        fwrite($this->client, 'thanks');
        $lingering = async($answer->linger(...));
        delay(0.02);
        self::assertFalse($lingering->isComplete());
        fclose($this->client);
        $lingering->await();
        self::assertSame(0, $this->left, 'the client leaves after the end of its answer');
    }

    public function testNoticesThatTheClientLeftWithoutWriting(): void
    {
        $answer = $this->answer();
        fclose($this->client);
        delay(0.02);
        self::assertSame(1, $this->left);
        $answer->abandon();
    }

    public function testAClientThatStalls(): void
    {
        $answer = $this->answer(writeTimeout: 0.05);
        try {
            $answer->write(str_repeat('x', 16 << 20));
            self::fail('expected ClientLostException');
        } catch (ClientLostException $error) {
            self::assertStringContainsString('read nothing', $error->getMessage());
        }
        $answer->abandon();
    }

    public function testASlowClientGetsAll(): void
    {
        $answer = $this->answer(writeTimeout: 0.5);
        $writing = async(static function () use ($answer): void {
            $answer->write(str_repeat('x', 1 << 20));
            $answer->end('.');
        });
        $received = '';
        stream_set_blocking($this->client, false);
        while (!str_ends_with($received, '.')) {
            $received .= fread($this->client, 32 << 10);
            delay(0.002);
        }
        $writing->await();
        self::assertSame((1 << 20) + 1, strlen($received));
        $answer->abandon();
    }

    /** The rest of an interrupted write comes before the end of the answer. */
    public function testInterrupted(): void
    {
        $answer = $this->answer();
        $whole = str_repeat('x', 1 << 20);
        $writing = async($answer->write(...), $whole)->ignore();
        delay(0.01);
        $answer->interrupt();
        delay(0.01);
        self::assertTrue($writing->isComplete());
        $ending = async($answer->end(...), 'the end');
        $received = '';
        stream_set_blocking($this->client, false);
        while (!$ending->isComplete()) {
            $received .= fread($this->client, 1 << 20);
            delay(0.001);
        }
        $ending->await();
        self::assertSame($whole . 'the end', $received . stream_get_contents($this->client));
        $answer->abandon();
    }

    private function answer(float $writeTimeout = 5.0): Answer
    {
        [$this->client, $served] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0) ?: self::fail();
        stream_set_chunk_size($this->client, 1 << 20);
        $client = Client::adopt(socket_import_stream($served) ?: self::fail());
        self::assertNotNull($client);
        return new Answer($client, $writeTimeout, function (): void {
            ++$this->left;
        });
    }
}
