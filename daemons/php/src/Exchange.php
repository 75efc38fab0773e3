<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp;

use Amp\ByteStream\ReadableStream;
use Amp\ByteStream\StreamException;
use Amp\Cancellation;
use Amp\CancelledException;
use Amp\DeferredCancellation;
use Amp\Http\Client\Response;
use Amp\TimeoutCancellation;
use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Client;
use StreamingDaemon\Handoff;
use StreamingDaemon\Job;
use StreamingDaemon\Problem;
use StreamingDaemon\Relay;
use StreamingDaemon\RelayState;
use StreamingDaemon\ResponseHeaders;

/**
 * One client's conversation, in one fiber, which reads from the API and writes to the
 * client in turn: a client that stalls pauses the API by not being read for.
 *
 * The cancellation is of what the API is asked for. It comes, with the reason, when the
 * client leaves, when a time bound passes, or when the daemon has to end.
 */
final class Exchange
{
    /** How long the API may take, after [DONE], to end the response and leave us its connection; seconds. */
    private const RELEASE_TIME = 0.2;

    private readonly Answer $answer;
    private readonly DeferredCancellation $cancel;
    private readonly Cancellation $cancellation;
    private ?\Throwable $reason = null;

    public function __construct(private readonly Service $service, Client $client)
    {
        $this->cancel = new DeferredCancellation();
        $this->cancellation = $this->cancel->getCancellation();
        $lost = fn () => $this->cut(new ClientLostException('the client left'));
        $this->answer = new Answer($client, $service->options->writeTimeout, $lost);
    }

    /** Answers the client, whatever happens, and closes its socket. */
    public function run(Handoff $handoff, bool $room): void
    {
        try {
            $this->serve($handoff, $room);
            $this->answer->linger();
        } catch (ClientLostException $error) {
            $this->service->log->line('a client was lost', ['reason' => $error->getMessage()]);
            $this->answer->abandon();
        } catch (\Throwable $error) {
            $this->answer->abandon();
            throw $error;
        }
    }

    /** Ends the exchange on both sides, at once, for this reason. */
    public function cut(\Throwable $reason): void
    {
        $this->endUpstream($reason);
        $this->answer->interrupt();
    }

    private function serve(Handoff $handoff, bool $room): void
    {
        $headers = null;
        $begun = false;
        try {
            if (!$room) {
                throw Problem::tooManyConnections()->with(Job::headersOf($handoff->data));
            }
            $job = $handoff->job();
            $headers = $job->headers;
            $body = $this->open($job);
            $begun = true;
            try {
                $this->relay($body, $headers);
            } finally {
                $body->close();
            }
        } catch (CancelledException | Problem $error) {
            $problem = $error instanceof Problem ? $error : $this->reason;
            if (!$problem instanceof Problem) {
                throw $problem ?? $error;
            }
            $this->service->log->line($begun ? 'a stream failed' : 'a client was refused', [
                'reason' => $problem->getMessage(),
                'status' => $begun ? 200 : $problem->status,
            ]);
            // Before the job was made, the problem itself knows the headers that were asked for.
            $problem = ($headers === null ? $problem : $problem->with($headers))->redacted($this->service->redactor);
            $this->answer->end($begun ? $problem->event() : $problem->response());
        }
    }

    /**
     * Sends the job to the API, and returns the body of its event stream.
     *
     * @throws Problem|CancelledException
     */
    private function open(Job $job): ReadableStream
    {
        $response = $this->service->upstream->request($this->service->request($job), $this->cancellation);
        $head = new ApiAnswer(
            $response->getStatus(),
            array_map(static fn (array $values): string => $values[0], $response->getHeaders()),
        );
        if ($head->isEventStream()) {
            return $response->getBody();
        }
        try {
            throw $head->problem($head->hasErrorBody() ? $this->explanation($response) : '');
        } finally {
            $response->getBody()->close();
        }
    }

    /** An error's words, or what has come of them in time. */
    private function explanation(Response $response): string
    {
        $text = '';
        $bound = new TimeoutCancellation(min(ApiAnswer::ERROR_TIME, $this->service->options->idleTimeout));
        try {
            while (strlen($text) < ApiAnswer::ERROR_BYTES) {
                $this->cancellation->throwIfRequested();
                $text .= $response->getBody()->read($bound) ?? throw new StreamException('that was all');
            }
        } catch (StreamException | CancelledException) {
            $this->cancellation->throwIfRequested();
        }
        return $text;
    }

    /**
     * Passes the API's events on until the answer is whole.
     *
     * @throws Problem|CancelledException|ClientLostException
     */
    private function relay(ReadableStream $body, ResponseHeaders $headers): void
    {
        $this->answer->write($headers->streamHead());
        $relay = new Relay($this->service->options->format);
        $patience = $this->service->options->idleTimeout;
        $idle = new Deadline(fn () => $this->endUpstream(Problem::idleTimeout()));
        $heard = Deadline::now();
        $messages = 0;
        try {
            while ($relay->state() === RelayState::Running) {
                if ($messages !== $relay->messages()) {
                    $messages = $relay->messages();
                    $heard = Deadline::now();
                }
                // Heartbeats keep a stream alive, but not one that has nothing left to say.
                $idle->set($relay->answered() ? $patience - (Deadline::now() - $heard) : $patience);
                $bytes = $body->read($this->cancellation);
                $idle->lift();
                $this->answer->write($bytes === null ? $relay->end() : $relay->feed($bytes));
            }
        } catch (StreamException $error) {
            $this->cancellation->throwIfRequested();
            $this->service->log->line('the API broke off', ['error' => $error->getMessage()]);
            throw Problem::brokenOff();
        } finally {
            $idle->cancel();
        }
        if ($relay->state() === RelayState::Failed) {
            throw $relay->failure();
        }
        $this->answer->end(Relay::DONE);
        $this->release($body);
    }

    /** Lets the API end its response, so that the connection can be used again. */
    private function release(ReadableStream $body): void
    {
        try {
            $body->read(new TimeoutCancellation(self::RELEASE_TIME));
        } catch (StreamException | CancelledException) {
            // Then it cannot.
        }
    }

    private function endUpstream(\Throwable $reason): void
    {
        $this->reason ??= $reason;
        $this->cancel->cancel($reason);
    }
}
