<?php

declare(strict_types=1);

namespace StreamingDaemon\Swoole;

use StreamingDaemon\ApiAnswer;
use StreamingDaemon\Job;
use StreamingDaemon\Log;
use StreamingDaemon\Options;
use StreamingDaemon\Problem;
use StreamingDaemon\Redactor;
use StreamingDaemon\Relay;
use StreamingDaemon\RelayState;
use StreamingDaemon\Unprocessed;

/** An exchange is one client's conversation. It sends the request to the API, and relays the answer event by event. */
final class Exchange
{
    private bool $begun = false;

    public function __construct(
        private readonly ClientConnection $client,
        private readonly Condition $condition,
        private readonly Pool $pool,
        private readonly Options $options,
        private readonly Redactor $redactor,
        private readonly Log $log,
    ) {
    }

    public function serve(Job $job): void
    {
        try {
            $this->relay($job);
        } catch (ClientLeft $left) {
            $this->log->line('lost a client', ['reason' => $left->getMessage()]);
        } catch (Problem $problem) {
            $this->refuse($problem->redacted($this->redactor)->with($job->headers));
        } catch (\Throwable $error) {
            $this->log->line('unexpected error', ['error' => (string) $error]);
            $internal = new Problem('internal error', 500, 'internal_error', 'internal_error');
            $this->refuse($internal->with($job->headers));
        }
        $this->client->finish();
    }

    /** Sends a problem to the client, as a response or as the last event (R5, R6). */
    public function refuse(Problem $problem): void
    {
        $this->log->line('an exchange failed', ['status' => $problem->status, 'reason' => $problem->getMessage()]);
        $this->client->write($this->begun ? $problem->event() : $problem->response());
        $this->client->finish();
    }

    public function interrupt(Problem $reason): void
    {
        $this->condition->interrupt($reason);
    }

    public function abort(): void
    {
        $this->client->abort();
    }

    /** @throws Problem|ClientLeft */
    private function relay(Job $job): void
    {
        $reply = $this->ask($job);
        try {
            $answer = $reply->head(Clock::now()); // ask() has waited for it
            if (!$answer->isEventStream()) {
                throw $this->problem($answer, $reply);
            }
            $this->begun = true;
            $this->client->write($job->headers->streamHead());
            $this->relayBody($reply);
        } catch (\Throwable $failure) {
            $reply->cancel(suspect: $failure instanceof Problem && $failure->status === 504);
            throw $failure;
        }
        $this->client->write(Relay::DONE);
        $reply->release();
    }

    /**
     * Sends the request, and retries once if the API certainly did not process it (U8).
     *
     * @throws Problem|ClientLeft
     */
    private function ask(Job $job): Reply
    {
        $reply = $this->pool->request($job, $this->condition);
        for ($retry = false;; $retry = true) {
            try {
                $reply->head($this->firstByteDeadline());
                return $reply;
            } catch (Unprocessed $error) {
                if ($retry) {
                    throw Problem::unreachable();
                }
                $this->log->line('retrying an unprocessed request', ['reason' => $error->getMessage()]);
                $reply = $this->pool->request($job, $this->condition, fresh: true);
            } catch (\Throwable $failure) {
                $reply->cancel(suspect: $failure instanceof Problem && $failure->status === 504);
                throw $failure;
            }
        }
    }

    private function firstByteDeadline(): float
    {
        return Clock::now() + $this->options->firstByteTimeout;
    }

    /** Returns the problem for an answer that is not an event stream, with the API's own error if it arrives in time. */
    private function problem(ApiAnswer $answer, Reply $reply): Problem
    {
        $body = '';
        if ($answer->hasErrorBody()) {
            $deadline = Clock::now() + min(ApiAnswer::ERROR_TIME, $this->options->idleTimeout);
            try {
                while (strlen($body) < ApiAnswer::ERROR_BYTES && ($bytes = $reply->read($deadline)) !== null) {
                    $body .= $bytes;
                }
            } catch (Problem) {
                // Use the part that has arrived.
            }
        }
        return $answer->problem($body);
    }

    /** @throws Problem|ClientLeft when the answer is incomplete */
    private function relayBody(Reply $reply): void
    {
        $relay = new Relay($this->options->format);
        $deadline = Clock::now() + $this->options->idleTimeout;
        while ($relay->state() === RelayState::Running) {
            $messages = $relay->messages();
            $bytes = $reply->read($deadline);
            $this->client->write($bytes === null ? $relay->end() : $relay->feed($bytes));
            $waited = $this->client->drain(); // the API cannot send while the client stalls
            if ($waited || !$relay->answered() || $relay->messages() > $messages) {
                // Heartbeats prolong a running answer. They do not prolong a finished one.
                $deadline = Clock::now() + $this->options->idleTimeout;
            }
        }
        if ($relay->state() === RelayState::Failed) {
            throw $relay->failure();
        }
    }
}
