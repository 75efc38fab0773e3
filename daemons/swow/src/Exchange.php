<?php

declare(strict_types=1);

namespace StreamingDaemon\Swow;

use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Job;
use StreamingDaemon\Log;
use StreamingDaemon\Options;
use StreamingDaemon\Problem;
use StreamingDaemon\Redactor;
use StreamingDaemon\Relay;
use StreamingDaemon\RelayState;
use StreamingDaemon\Unprocessed;
use Swow\Coroutine;
use Swow\SocketException;

/**
 * An exchange is one client's conversation, in one coroutine.
 *
 * When the client leaves or the daemon shuts down, another coroutine throws an exception into this one,
 * wherever it waits.
 */
final class Exchange
{
    private readonly Coroutine $coroutine;
    private bool $interruptible = false;
    private Problem|ClientLeft|null $interruption = null;
    private bool $begun = false;

    public function __construct(
        private readonly ClientSocket $client,
        private readonly ?OpenSsl $openssl,
        private readonly Options $options,
        private readonly Redactor $redactor,
        private readonly Log $log,
    ) {
        $this->coroutine = Coroutine::getCurrent();
    }

    public function serve(Job $job): void
    {
        try {
            $this->relay($job);
        } catch (ClientLeft $left) {
            $this->log->line('lost a client', ['reason' => $left->getMessage()]);
            $this->client->isPresent() ? $this->client->abort() : $this->client->finish();
        } catch (Problem $problem) {
            $this->refuse($problem->redacted($this->redactor)->with($job->headers));
        } catch (\Throwable $error) {
            $this->log->line('unexpected error', ['error' => (string) $error]);
            $internal = new Problem('internal error', 500, 'internal_error', 'internal_error');
            $this->refuse($internal->with($job->headers));
        }
    }

    /** Sends a problem to the client, as a response or as the last event (R5, R6), and ends the connection. */
    public function refuse(Problem $problem): void
    {
        $this->log->line('an exchange failed', ['status' => $problem->status, 'reason' => $problem->getMessage()]);
        try {
            $this->client->write($this->begun ? $problem->event() : $problem->response());
            $this->client->finish();
        } catch (ClientLeft) {
            $this->client->abort();
        }
    }

    /** Ends the exchange, wherever it waits. Call it from another coroutine. */
    public function interrupt(Problem|ClientLeft $reason): void
    {
        if ($this->interruptible) {
            $this->interruptible = false;
            $this->interruption = $reason; // a cancelled wait may throw its own exception instead
            $this->coroutine->throw($reason);
        }
    }

    /** @throws Problem|ClientLeft */
    private function relay(Job $job): void
    {
        $this->interruptible = true;
        if (!$this->client->isPresent()) {
            throw new ClientLeft('the client closed the connection before the request');
        }
        $this->client->watch(fn () => $this->interrupt(new ClientLeft('the client closed the connection')));
        $call = null;
        try {
            $call = $this->ask($job);
            $answer = $call->head(INF); // ask() has waited for it
            if (!$answer->isEventStream()) {
                throw $this->problem($answer, $call);
            }
            $this->begun = true;
            $this->client->write($job->headers->streamHead());
            $this->relayBody($call);
            $this->client->write(Relay::DONE);
        } catch (\Throwable $failure) {
            $this->interruptible = false;
            $call?->close();
            throw $this->interruption ?? $failure;
        }
        $this->interruptible = false;
        Coroutine::run($call->release(...));
        $this->client->finish();
    }

    /**
     * Sends the request, and retries once if the API certainly did not process it (U8).
     *
     * @throws Problem|ClientLeft
     */
    private function ask(Job $job): Call
    {
        for ($retry = false;; $retry = true) {
            $call = Call::start($this->open(), $this->options->api, $job);
            try {
                $call->head(Clock::now() + $this->options->firstByteTimeout);
                return $call;
            } catch (Unprocessed $error) {
                $call->close();
                if ($retry) {
                    throw Problem::unreachable();
                }
                $this->log->line('retrying an unprocessed request', ['reason' => $error->getMessage()]);
            } catch (\Throwable $failure) {
                $call->close();
                throw $failure;
            }
        }
    }

    /** @throws Problem|ClientLeft */
    private function open(): Transport
    {
        try {
            $deadline = Clock::now() + $this->options->connectTimeout;
            return Transport::open($this->options->api, $this->openssl, $deadline);
        } catch (Late) {
            throw Problem::connectTimeout();
        } catch (SocketException | TlsException $error) {
            $this->log->line('cannot connect to the API', ['reason' => $error->getMessage()]);
            throw Problem::unreachable();
        }
    }

    /** Returns the problem for an answer that is not an event stream, with the API's own error if it arrives in time. */
    private function problem(ApiAnswer $answer, Call $call): Problem
    {
        $body = '';
        if ($answer->hasErrorBody()) {
            $deadline = Clock::now() + min(ApiAnswer::ERROR_TIME, $this->options->idleTimeout);
            try {
                while (strlen($body) < ApiAnswer::ERROR_BYTES && ($bytes = $call->read($deadline)) !== null) {
                    $body .= $bytes;
                }
            } catch (Problem) {
                // Use the part that has arrived.
            }
        }
        return $answer->problem($body);
    }

    /** @throws Problem|ClientLeft when the answer is incomplete */
    private function relayBody(Call $call): void
    {
        $relay = new Relay($this->options->format);
        $deadline = Clock::now() + $this->options->idleTimeout;
        while ($relay->state() === RelayState::Running) {
            $messages = $relay->messages();
            $bytes = $call->read($deadline);
            $this->client->write($bytes === null ? $relay->end() : $relay->feed($bytes));
            if (!$relay->answered() || $relay->messages() > $messages) {
                // Heartbeats prolong a running answer. They do not prolong a finished one.
                $deadline = Clock::now() + $this->options->idleTimeout;
            }
        }
        if ($relay->state() === RelayState::Failed) {
            throw $relay->failure();
        }
    }
}
