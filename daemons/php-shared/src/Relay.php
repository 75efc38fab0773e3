<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * The relay converts the API's stream to the client's events, without I/O: bytes in, bytes out.
 *
 * A runtime reads from the API, feeds the bytes, writes the result, and checks the state. The relay
 * itself does not send [DONE] or an error. Its state is Finished or Failed, and the daemon then ends
 * the answer (R4, R6).
 */
final class Relay
{
    public const DONE = "data: [DONE]\n\n";

    private readonly EventParser $parser;
    private RelayState $state = RelayState::Running;
    private ?Problem $failure = null;
    /** @var array<int, bool> the choices of the answer, and whether each has finished */
    private array $choices = [];
    private int $messages = 0;

    public function __construct(private readonly Format $format)
    {
        $this->parser = new EventParser();
    }

    public function state(): RelayState
    {
        return $this->state;
    }

    /** Returns the failure, if the state is Failed. */
    public function failure(): Problem
    {
        return $this->failure ?? throw new \LogicException('expected state Failed');
    }

    /** Returns the number of messages so far. Heartbeats do not count. */
    public function messages(): int
    {
        return $this->messages;
    }

    /** Reports whether each choice has finished. Heartbeats do not prolong such an answer. */
    public function answered(): bool
    {
        return $this->choices !== [] && !in_array(false, $this->choices, true);
    }

    /** Parses the bytes of one read. Returns the client's events, also those before a failure. */
    public function feed(string $bytes): string
    {
        $out = '';
        try {
            foreach ($this->parser->feed($bytes) as $event) {
                $out .= $this->take($event);
                if ($this->state !== RelayState::Running) {
                    break;
                }
            }
        } catch (Problem $problem) {
            $this->fail($problem);
        }
        return $out;
    }

    /** Handles a clean end of the API's stream. */
    public function end(): string
    {
        $out = '';
        try {
            $event = $this->parser->flush();
            $out = $event === null ? '' : $this->take($event);
        } catch (Problem $problem) {
            $this->fail($problem);
        }
        if ($this->state === RelayState::Running) {
            $this->answered() ? $this->state = RelayState::Finished : $this->fail(Problem::incomplete());
        }
        return $out;
    }

    /** @throws Problem */
    private function take(Event $event): string
    {
        if ($event->kind === Event::ERROR) {
            throw Chunk::reported($event->data);
        }
        if (!$event->isMessage()) {
            return ''; // a heartbeat or a ping is not a part of the answer
        }
        ++$this->messages;
        if (trim($event->data) === '[DONE]') {
            $this->state = RelayState::Finished;
            return '';
        }
        $chunk = Chunk::parse($event->data);
        if (($failure = $chunk->failure()) !== null) {
            throw $failure;
        }
        foreach ($chunk->finished() as $index => $finished) {
            $this->choices[$index] = ($this->choices[$index] ?? false) || $finished;
        }
        return $this->format->render($chunk);
    }

    private function fail(Problem $problem): void
    {
        $this->state = RelayState::Failed;
        $this->failure = $problem;
    }
}
