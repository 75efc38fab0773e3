<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * What the client is sent for what the API sends, from the API's first byte to the last.
 *
 * Bytes in, bytes out: a runtime reads from the API, feeds what it got, writes what
 * comes back, and looks at the state. The relay never says [DONE] or an error itself:
 * it says Finished or Failed, and the daemon ends the answer (R4, R6).
 */
final class Relay
{
    public const DONE = "data: [DONE]\n\n";

    private readonly EventParser $parser;
    private RelayState $state = RelayState::Running;
    private ?Problem $failure = null;
    /** @var array<int, bool> for each choice seen whether it has finished */
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

    /** Why the stream failed, once the state says so. */
    public function failure(): Problem
    {
        return $this->failure ?? throw new \LogicException('the relay has not failed');
    }

    /** How many messages came so far: comments and events of other types are none. */
    public function messages(): int
    {
        return $this->messages;
    }

    /** Whether the answer is whole but for its end: then heartbeats should keep it alive no longer. */
    public function answered(): bool
    {
        return $this->choices !== [] && !in_array(false, $this->choices, true);
    }

    /** Takes what one read from the API returned; what came before a failure is the client's all the same. */
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

    /** Takes the clean end of the API's answer. */
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
        $data = trim($event->data);
        if ($event->kind === 'error') {
            throw Chunk::describe($event->data)
                ?? new Problem(mb_scrub($event->data, 'UTF-8'), 502, 'upstream_error', null);
        }
        if ($data === '' || ($event->kind !== '' && $event->kind !== 'message')) {
            return ''; // pings and the like are no part of an answer
        }
        ++$this->messages;
        if ($data === '[DONE]') {
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
