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
 * One client being served, in one coroutine from top to bottom.
 *
 * What makes an end of it from outside, the client's leaving or the daemon's end, is
 * thrown into that coroutine, wherever it waits.
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
            $this->log->line('the client did not stay', ['reason' => $left->getMessage()]);
            $this->client->isPresent() ? $this->client->abort() : $this->client->finish();
        } catch (Problem $problem) {
            $this->refuse($problem->redacted($this->redactor)->with($job->headers));
        } catch (\Throwable $error) {
            $this->log->line('a fault of the daemon', ['error' => (string) $error]);
            $fault = new Problem('internal error', 500, 'internal_error', 'internal_error');
            $this->refuse($fault->with($job->headers));
        }
    }

    /** Tells the client of a problem, in the form that its place in the answer asks for (R5, R6), and ends. */
    public function refuse(Problem $problem): void
    {
        $this->log->line('failed', ['status' => $problem->status, 'reason' => $problem->getMessage()]);
        try {
            $this->client->write($this->begun ? $problem->event() : $problem->response());
            $this->client->finish();
        } catch (ClientLeft) {
            $this->client->abort();
        }
    }

    /** Ends the exchange, wherever it waits; called from another coroutine. */
    public function interrupt(Problem|ClientLeft $why): void
    {
        if ($this->interruptible) {
            $this->interruptible = false;
            $this->interruption = $why; // what is thrown there is that the wait was cancelled
            $this->coroutine->throw($why);
        }
    }

    /** @throws Problem|ClientLeft */
    private function relay(Job $job): void
    {
        $this->interruptible = true;
        if (!$this->client->isPresent()) {
            throw new ClientLeft('the client left before it was served');
        }
        $this->client->watch(fn () => $this->interrupt(new ClientLeft('the client left')));
        $call = null;
        try {
            $call = $this->ask($job);
            $answer = $call->head(INF); // which is there by now
            if (!$answer->isEventStream()) {
                throw $this->explained($answer, $call);
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
     * Sends the request, and once more if the API certainly did not process it (U8).
     *
     * @throws Problem|ClientLeft
     */
    private function ask(Job $job): Call
    {
        for ($again = false;; $again = true) {
            $call = Call::start($this->open(), $this->options->api, $job);
            try {
                $call->head(Clock::now() + $this->options->firstByteTimeout);
                return $call;
            } catch (Unprocessed $why) {
                $call->close();
                if ($again) {
                    throw Problem::unreachable();
                }
                $this->log->line('asking again', ['reason' => $why->getMessage()]);
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
            $this->log->line('the API cannot be reached', ['reason' => $error->getMessage()]);
            throw Problem::unreachable();
        }
    }

    /** What the client is told of an answer that is no event stream: what the API says in it, if it says so in time. */
    private function explained(ApiAnswer $answer, Call $call): Problem
    {
        $body = '';
        if ($answer->hasErrorBody()) {
            $deadline = Clock::now() + min(ApiAnswer::ERROR_TIME, $this->options->idleTimeout);
            try {
                while (strlen($body) < ApiAnswer::ERROR_BYTES && ($bytes = $call->read($deadline)) !== null) {
                    $body .= $bytes;
                }
            } catch (Problem) {
                // The status says enough.
            }
        }
        return $answer->problem($body);
    }

    /** @throws Problem|ClientLeft when the answer was not finished */
    private function relayBody(Call $call): void
    {
        $relay = new Relay($this->options->format);
        $deadline = Clock::now() + $this->options->idleTimeout;
        while ($relay->state() === RelayState::Running) {
            $messages = $relay->messages();
            $bytes = $call->read($deadline);
            $this->client->write($bytes === null ? $relay->end() : $relay->feed($bytes));
            if (!$relay->answered() || $relay->messages() > $messages) {
                // Heartbeats alone do not put off the [DONE] that is due.
                $deadline = Clock::now() + $this->options->idleTimeout;
            }
        }
        if ($relay->state() === RelayState::Failed) {
            throw $relay->failure();
        }
    }
}
