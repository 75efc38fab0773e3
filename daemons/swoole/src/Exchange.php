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

/** One client being served: its request goes to the API, and the answer back, event by event. */
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
            $this->log->line('the client did not stay', ['reason' => $left->getMessage()]);
        } catch (Problem $problem) {
            $this->refuse($problem->redacted($this->redactor)->with($job->headers));
        } catch (\Throwable $error) {
            $this->log->line('a fault of the daemon', ['error' => (string) $error]);
            $fault = new Problem('internal error', 500, 'internal_error', 'internal_error');
            $this->refuse($fault->with($job->headers));
        }
        $this->client->finish();
    }

    /** Tells the client of a problem, in the form that its place in the answer asks for (R5, R6). */
    public function refuse(Problem $problem): void
    {
        $this->log->line('failed', ['status' => $problem->status, 'reason' => $problem->getMessage()]);
        $this->client->write($this->begun ? $problem->event() : $problem->response());
        $this->client->finish();
    }

    public function interrupt(Problem $why): void
    {
        $this->condition->interrupt($why);
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
            $answer = $reply->head(Clock::now()); // which is there by now
            if (!$answer->isEventStream()) {
                throw $this->explained($answer, $reply);
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
     * Sends the request, and once more if the API certainly did not process it (U8).
     *
     * @throws Problem|ClientLeft
     */
    private function ask(Job $job): Reply
    {
        $reply = $this->pool->request($job, $this->condition);
        for ($again = false;; $again = true) {
            try {
                $reply->head($this->firstByteDeadline());
                return $reply;
            } catch (Unprocessed $why) {
                if ($again) {
                    throw Problem::unreachable();
                }
                $this->log->line('asking again', ['reason' => $why->getMessage()]);
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

    /** What the client is told of an answer that is no event stream: what the API says in it, if it says so in time. */
    private function explained(ApiAnswer $answer, Reply $reply): Problem
    {
        $body = '';
        if ($answer->hasErrorBody()) {
            $deadline = Clock::now() + min(ApiAnswer::ERROR_TIME, $this->options->idleTimeout);
            try {
                while (strlen($body) < ApiAnswer::ERROR_BYTES && ($bytes = $reply->read($deadline)) !== null) {
                    $body .= $bytes;
                }
            } catch (Problem) {
                // The status says enough.
            }
        }
        return $answer->problem($body);
    }

    /** @throws Problem|ClientLeft when the answer was not finished */
    private function relayBody(Reply $reply): void
    {
        $relay = new Relay($this->options->format);
        $deadline = Clock::now() + $this->options->idleTimeout;
        while ($relay->state() === RelayState::Running) {
            $messages = $relay->messages();
            $bytes = $reply->read($deadline);
            $this->client->write($bytes === null ? $relay->end() : $relay->feed($bytes));
            $waited = $this->client->drain(); // it is the API that waits then
            if ($waited || !$relay->answered() || $relay->messages() > $messages) {
                // Heartbeats alone do not put off the [DONE] that is due.
                $deadline = Clock::now() + $this->options->idleTimeout;
            }
        }
        if ($relay->state() === RelayState::Failed) {
            throw $relay->failure();
        }
    }
}
