<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * One message of the API's stream, read as far as relaying needs: is it an error,
 * which text does it hold, which choices does it finish. Vendors differ in all the
 * rest, so a field of a surprising type is taken for absent.
 */
final class Chunk
{
    /** @param array<mixed> $fields */
    private function __construct(
        /** The message as it arrived, in valid UTF-8. */
        public readonly string $data,
        private readonly array $fields,
    ) {
    }

    /** @throws Problem when the data of an event are no JSON object */
    public static function parse(string $data): self
    {
        if (!mb_check_encoding($data, 'UTF-8')) {
            $data = self::scrub($data);
        }
        try {
            $fields = Json::decode($data);
        } catch (\JsonException) {
            $fields = null;
        }
        if (!is_array($fields) || ltrim($data)[0] !== '{') {
            throw Problem::broken('an event of the API\'s stream is not a JSON object');
        }
        return new self($data, $fields);
    }

    /** The error that the chunk reports in place of a piece of answer. */
    public function failure(): ?Problem
    {
        return isset($this->fields['error']) ? self::describe($this->data) : null;
    }

    /**
     * The texts of choice 0 that are not empty.
     *
     * @return list<string>
     * @throws Problem when one is no text
     */
    public function texts(): array
    {
        $texts = [];
        foreach ($this->choices() as $index => $choice) {
            $delta = $choice['delta'] ?? null;
            $text = is_array($delta) ? $delta['content'] ?? '' : '';
            if ($index !== 0 || $text === '') {
                continue;
            }
            if (!is_string($text)) {
                throw Problem::broken('a delta\'s content is not a string');
            }
            $texts[] = $text;
        }
        return $texts;
    }

    /** @return iterable<int, bool> for the index of each choice whether this chunk finishes it */
    public function finished(): iterable
    {
        foreach ($this->choices() as $index => $choice) {
            $reason = $choice['finish_reason'] ?? null;
            yield $index => is_string($reason) && $reason !== '';
        }
    }

    /**
     * The error in what the API sent in place of an answer: in its field `error`, an
     * object or a text, or in the object itself; null when there is none.
     */
    public static function describe(string $json, int $status = 502, ?string $retryAfter = null): ?Problem
    {
        try {
            $fields = Json::decode(self::scrub($json));
        } catch (\JsonException) {
            return null;
        }
        $named = is_array($fields) && isset($fields['error']);
        $error = $named ? $fields['error'] : $fields;
        $error = is_string($error) ? ['message' => $error] : $error;
        $message = is_array($error) ? $error['message'] ?? '' : '';
        if (!is_string($message) || $message === '') {
            if (!$named) {
                return null;
            }
            $message = 'the API reported an error';
        }
        $type = is_array($error) ? $error['type'] ?? null : null;
        $code = is_array($error) ? $error['code'] ?? null : null;
        return new Problem(
            $message,
            $status,
            is_string($type) && $type !== '' ? $type : 'upstream_error',
            is_string($code) || is_int($code) || is_float($code) ? $code : null,
            $retryAfter,
        );
    }

    /** @return iterable<int, array<mixed>> by their index fields, of which some may be alike */
    private function choices(): iterable
    {
        $choices = $this->fields['choices'] ?? [];
        foreach (is_array($choices) ? $choices : [] as $choice) {
            if (is_array($choice)) {
                $index = $choice['index'] ?? 0;
                yield is_int($index) ? $index : 0 => $choice;
            }
        }
    }

    /** What is no UTF-8 becomes U+FFFD. */
    private static function scrub(string $text): string
    {
        $before = mb_substitute_character();
        mb_substitute_character(0xFFFD);
        $text = mb_scrub($text, 'UTF-8');
        mb_substitute_character($before);
        return $text;
    }
}
