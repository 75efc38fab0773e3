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
 * An exchange is one client's conversation, in one fiber. The fiber alternates between reading from
 * the API and writing to the client. So a stalled client stops the reads, and flow control then stops
 * the API.
 *
 * The cancellation ends the request to the API when the client leaves, when a timeout passes, or when
 * the daemon shuts down. $reason has the reason.
 */
final class Exchange
{
    /** How long the API may take after [DONE] to end the response, in seconds. The pool then keeps the connection. */
    private const RELEASE_TIME = 0.2;

    private readonly Answer $answer;
    private readonly DeferredCancellation $cancel;
    private readonly Cancellation $cancellation;
    private ?\Throwable $reason = null;

    public function __construct(private readonly Service $service, Client $client)
    {
        $this->cancel = new DeferredCancellation();
        $this->cancellation = $this->cancel->getCancellation();
        $lost = fn () => $this->cut(new ClientLostException('the client closed the connection'));
        $this->answer = new Answer($client, $service->options->writeTimeout, $lost);
    }

    /** Answers the client with the stream or with an error, and closes its socket. */
    public function run(Handoff $handoff, bool $room): void
    {
        try {
            $this->serve($handoff, $room);
            $this->answer->linger();
        } catch (ClientLostException $error) {
            $this->service->log->line('lost a client', ['reason' => $error->getMessage()]);
            $this->answer->abandon();
        } catch (\Throwable $error) {
            $this->answer->abandon();
            throw $error;
        }
    }

    /** Ends the exchange on both sides at once, for this reason. */
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
            $this->service->log->line($begun ? 'the API\'s stream failed' : 'refused a client', [
                'reason' => $problem->getMessage(),
                'status' => $begun ? 200 : $problem->status,
            ]);
            // Without a job, the problem itself has the response headers.
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
            throw $head->problem($head->hasErrorBody() ? $this->errorBody($response) : '');
        } finally {
            $response->getBody()->close();
        }
    }

    /** Reads the body of an error response. After the timeout it returns the part that has arrived. */
    private function errorBody(Response $response): string
    {
        $text = '';
        $bound = new TimeoutCancellation(min(ApiAnswer::ERROR_TIME, $this->service->options->idleTimeout));
        try {
            while (strlen($text) < ApiAnswer::ERROR_BYTES) {
                $this->cancellation->throwIfRequested();
                $text .= $response->getBody()->read($bound) ?? throw new StreamException('the end of the body');
            }
        } catch (StreamException | CancelledException) {
            $this->cancellation->throwIfRequested();
        }
        return $text;
    }

    /**
     * Relays the API's events until the answer is complete.
     *
     * @throws Problem|CancelledException|ClientLostException
     */
    private function relay(ReadableStream $body, ResponseHeaders $headers): void
    {
        $this->answer->write($headers->streamHead());
        $relay = new Relay($this->service->options->format);
        $timeout = $this->service->options->idleTimeout;
        $idle = new Deadline(fn () => $this->endUpstream(Problem::idleTimeout()));
        $latest = Deadline::now(); // when the latest message arrived
        $messages = 0;
        try {
            while ($relay->state() === RelayState::Running) {
                if ($messages !== $relay->messages()) {
                    $messages = $relay->messages();
                    $latest = Deadline::now();
                }
                // Heartbeats prolong a running answer. They do not prolong a finished one.
                $idle->set($relay->answered() ? $timeout - (Deadline::now() - $latest) : $timeout);
                $bytes = $body->read($this->cancellation);
                $idle->lift();
                $this->answer->write($bytes === null ? $relay->end() : $relay->feed($bytes));
            }
        } catch (StreamException $error) {
            $this->cancellation->throwIfRequested();
            $this->service->log->line('the API\'s answer broke off', ['error' => $error->getMessage()]);
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

    /** Waits for the end of the API's response, so that the pool can reuse the connection. */
    private function release(ReadableStream $body): void
    {
        try {
            $body->read(new TimeoutCancellation(self::RELEASE_TIME));
        } catch (StreamException | CancelledException) {
            // The response did not end in time, so its close ends the connection.
        }
    }

    private function endUpstream(\Throwable $reason): void
    {
        $this->reason ??= $reason;
        $this->cancel->cancel($reason);
    }
}
